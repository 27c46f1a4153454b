"""Lists the public API of a crate from rustdoc's JSON: a block for each item, by their paths, with what users depend on:
signatures, fields, variants, traits. What is hidden from the documentation is not listed."""

# Modules of the standard library whose items need no path.
FAMILIAR = "alloc any boxed clone cmp convert default marker ops option pin result string sync vec".split()
UNLISTED = ("Freeze", "RefUnwindSafe", "StructuralPartialEq", "UnwindSafe", "UnsafeUnpin")


def only(node):
    """Takes apart what rustdoc writes of an enum: the name of its variant, and what is in it."""
    return next(iter(node.items())) if isinstance(node, dict) else (node, {})


class Listing:
    def __init__(self, docs):
        self.docs, self.names, self.blocks = docs, {}, {}
        # By their shortest paths.
        self.walk(docs["root"], "", lambda id, path: self.names.setdefault(id, path))
        self.walk(docs["root"], "", lambda id, path: self.blocks.update({path: self.block(id, path)}))

    def text(self):
        return "".join(f"{line}\n" for path in sorted(self.blocks) for line in self.blocks[path])

    def inner(self, id):
        return only(self.docs["index"][str(id)]["inner"])

    def walk(self, module, prefix, visit):
        below = []
        for id in self.inner(module)[1]["items"]:
            kind, inner = self.inner(id)
            named = inner["name"] if kind == "use" else self.docs["index"][str(id)]["name"]
            if kind == "use" and str(inner["id"]) in self.docs["index"]:
                id = inner["id"]
                kind = self.inner(id)[0]
            visit(id, prefix + named)
            if kind == "module":
                below.append((id, f"{prefix}{named}::"))
        for module, prefix in below:
            self.walk(module, prefix, visit)

    def block(self, id, path):
        lines = self.lines(id, path)
        return [lines[0], *sorted(f"    {line}" for line in lines[1:])]

    def lines(self, id, name=""):
        """The lines of an item, the first of which is its own."""
        item = self.docs["index"][str(id)]
        kind, inner = only(item["inner"])
        name = name or item["name"]
        open, where = self.generics(inner["generics"]) if "generics" in inner else ("", "")
        bounds = self.bounds(inner.get("bounds"), ": ")
        if kind == "use":
            return [f"use {inner['source']} as {name}"]
        if kind == "function":
            words = [word for word in ("const", "async", "unsafe") if inner["header"][f"is_{word}"]]
            body = " { .. }" * (inner["has_body"] and item["visibility"] == "default")
            return [" ".join([*words, f"fn {name}{open}{self.signature(inner['sig'])}{where}{body}"])]
        if kind == "struct_field":
            return [f"{name}: {self.type(inner)}"]
        if kind in ("assoc_type", "type_alias", "constant", "assoc_const", "static"):
            value = inner["type"] and (" = " if "type" in kind else ": ") + self.type(inner["type"])
            return [f"{kind.replace('assoc_', '').replace('_alias', '')} {name}{open}{bounds}{value or ''}{where}"]
        shape, fields = only(inner.get("kind"))
        fields = fields if isinstance(fields, list) else fields.get("fields", [])
        members = [*filter(None, fields), *inner.get("variants", []), *inner.get("items", []) * (kind == "trait")]
        mark = "#[non_exhaustive] " * ("non_exhaustive" in str(item["attrs"]))
        lines = [f"{mark}{kind} {name}{open}{bounds}{where}"]
        for member in members:
            lines += [f"{name}.{line}" if kind == "variant" else line for line in self.lines(member)]
        return lines + self.implemented(inner.get("impls", []))

    def implemented(self, impls):
        """What has a trait, and what is implemented without one."""
        methods, traits = [], {}
        for _, inner in map(self.inner, impls):
            open, where = self.generics(inner["generics"])
            target = self.type(inner["for"])
            items = [line for id in inner["items"] for line in self.lines(id)]
            if not inner["trait"]:
                methods += [f"impl{open} {target}{where}: {line}" if open else line for line in items]
            elif not inner["blanket_impl"] and inner["trait"]["path"] not in UNLISTED and "__pin" not in open:
                types = "; ".join(line for line in items if line.startswith("type "))
                rest = f" for {target}{where}" + f" {{ {types} }}" * bool(types)
                trait = "!" * inner["is_negative"] + self.path(inner["trait"])
                traits.setdefault((open, rest), []).append(trait)
        return methods + [f"impl{open} {' + '.join(sorted(names))}{rest}" for (open, rest), names in traits.items()]

    def generics(self, generics):
        shown, where = [], []
        for param in generics["params"]:
            kind, inner = only(param["kind"])
            bounds = self.bounds(inner.get("bounds"), ": ") + ": ".join(["", *inner.get("outlives", [])])
            default = f" = {self.type(inner['default'])}" if kind == "type" and inner["default"] else ""
            const = f": {self.type(inner['type'])}" if kind == "const" else ""
            shown += [param["name"] + bounds + const + default] * (not inner.get("is_synthetic"))
        for predicate in generics.get("where_predicates", []):
            kind, inner = only(predicate)
            left = self.type(inner["type"]) if "type" in inner else inner.get("lifetime")
            outlived = ": ".join(["", *inner.get("outlives", [])])
            where.append(f"{left}{self.bounds(inner.get('bounds'), ': ')}{outlived}")
        return f"<{', '.join(shown)}>" * bool(shown), f" where {', '.join(where)}" * bool(where)

    def bounds(self, bounds, before=""):
        shown = []
        for kind, inner in map(only, bounds or []):
            maybe = "?" * (kind == "trait_bound" and inner["modifier"] == "maybe")
            shown.append(maybe + self.path(inner["trait"]) if kind == "trait_bound" else str(inner))
        # Those of automatic traits have no order.
        return before * bool(shown) + " + ".join(sorted(shown, key=lambda bound: (bound[0] == "'", bound)))

    def signature(self, sig):
        inputs = ", ".join(f"{name}: {self.type(type)}" if name else self.type(type) for name, type in sig["inputs"])
        for long, short in {"self: Self": "self", "self: &Self": "&self", "self: &mut Self": "&mut self"}.items():
            inputs = short + inputs.removeprefix(long) if inputs.split(", ")[0] == long else inputs
        return f"({inputs})" + (f" -> {self.type(sig['output'])}" if sig["output"] else "")

    def type(self, type):
        kind, inner = only(type)
        shown = {
            "resolved_path": lambda: self.path(inner),
            "generic": lambda: inner,
            "primitive": lambda: inner,
            "infer": lambda: "_",
            "borrowed_ref": lambda: self.reference("&", inner),
            "raw_pointer": lambda: self.reference("*", inner),
            "tuple": lambda: f"({', '.join(map(self.type, inner))})",
            "slice": lambda: f"[{self.type(inner)}]",
            "array": lambda: f"[{self.type(inner['type'])}; {inner['len']}]",
            "impl_trait": lambda: f"impl {self.bounds(inner)}",
            "dyn_trait": lambda: self.object([self.path(poly["trait"]) for poly in inner["traits"]], inner["lifetime"]),
            "qualified_path": lambda: f"{self.subject(inner)}::{inner['name']}",
            "function_pointer": lambda: f"fn{self.signature(inner['sig'])}",
        }
        return shown[kind]()

    def reference(self, sign, inner):
        lifetime = f"{inner['lifetime']} " if inner.get("lifetime") else ""
        return f"{sign}{lifetime}{'mut ' * inner['is_mutable']}{self.type(inner['type'])}"

    def object(self, traits, lifetime):
        return "dyn " + " + ".join([traits[0], *sorted(traits[1:]), *[lifetime] * bool(lifetime)])

    def subject(self, inner):
        subject = self.type(inner["self_type"])
        return f"<{subject} as {self.path(inner['trait'])}>" if inner["trait"] else subject

    def path(self, path):
        """Ours by its public path, a foreign one by its crate, one of the standard library by its module."""
        found = self.docs["paths"].get(str(path["id"]), {"path": [path["path"]], "crate_id": 0})
        crate, *_, last = [found["path"][0] if found["crate_id"] else "", *found["path"]]
        if crate in ("alloc", "core", "std"):
            crate = "" if found["path"][-2] in FAMILIAR else found["path"][-2]
        name = self.names.get(path["id"]) or f"{crate}::{last}".removeprefix("::")
        kind, inner = only(path["args"] or {"": {}})
        if kind == "parenthesized":
            return name + self.signature(inner | {"inputs": [("", type) for type in inner["inputs"]]})
        shown = [only(arg)[1] if "lifetime" in arg else self.term(arg) for arg in inner.get("args", [])]
        for constraint in inner.get("constraints", []):
            kind, bound = only(constraint["binding"])
            bound = f" = {self.term(bound)}" if kind == "equality" else self.bounds(bound, ": ")
            shown.append(constraint["name"] + bound)
        return name + f"<{', '.join(shown)}>" * bool(shown)

    def term(self, term):
        kind, inner = only(term)
        return self.type(inner) if kind == "type" else str(inner.get("expr"))

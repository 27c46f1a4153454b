"""Validates manifests against the schemas of Kubernetes, and prints them as one JSON array."""

import json
import sys

import kubernetes_validate
import yaml

# The first that starts a sidecar before its service, and the newest known.
VERSIONS = ("1.29", kubernetes_validate.latest_version())

manifests = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        manifests += yaml.safe_load_all(file)
for manifest in manifests:
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)
json.dump(manifests, sys.stdout)

use std::{
    fs,
    io::{self, Error},
    path::PathBuf,
};

use enkash_auth_benches::{accounts::Load, rotation::Latencies};
use plotters::{
    backend::SVGBackend,
    drawing::IntoDrawingArea,
    prelude::{ChartBuilder, Circle, Color, IntoFont, IntoLogRange, PathElement, Rectangle, Text},
    style::{BLACK, RGBColor, WHITE},
};

use crate::figures::Figures;

const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plots");
const OURS: RGBColor = RGBColor(0, 110, 90);
const THEIRS: RGBColor = RGBColor(150, 160, 170);
const WIDTH: u32 = 860;
const ROW: u32 = 26;

type Drawn = Result<(), Box<dyn std::error::Error>>;

pub(crate) fn draw(figures: &Figures, renewal: &Latencies) -> io::Result<()> {
    fs::create_dir_all(DIR)?;
    let bars = |file, title, last| bars(file, title, &rows(figures, last));
    bars(
        "hot-path",
        "a token at hand, put on a request: ns over a bare service",
        "nanos",
    )
    .and_then(|()| {
        bars(
            "scaling",
            "two threads that share a token: calls, as a multiple of one",
            "scaling",
        )
    })
    .and_then(|()| {
        bars(
            "storm",
            "10,000 callers and a fetch that fails: fetches in 25 s",
            "fail_fetches",
        )
    })
    .and_then(|()| latencies(renewal))
    .map_err(|error| Error::other(error.to_string()))
}

/// Returns name and figure of each measured peer, in ascending order.
fn rows(figures: &Figures, last: &str) -> Vec<(String, f64)> {
    let names = figures.between("peers", last).into_iter();
    let rows = names.filter_map(|name| {
        let value = figures.get(&format!("peers.{name}.{last}"))?;
        Some((name.to_owned(), value))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    rows
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(DIR).join(file).with_extension("svg")
}

/// Draws horizontal bars, with ours highlighted. Lengths are logarithmic if the figures differ widely.
fn bars(file: &str, title: &str, rows: &[(String, f64)]) -> Drawn {
    let path = path(file);
    let size = (WIDTH, ROW * (rows.len() as u32 + 2));
    let area = SVGBackend::new(&path, size).into_drawing_area();
    area.fill(&WHITE)?;
    let font = |size: i32| ("sans-serif", size).into_font().color(&BLACK);
    area.draw(&Text::new(title.to_owned(), (8, 8), font(16)))?;
    let most = rows
        .iter()
        .map(|(_, value)| *value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let is_wide = rows.iter().any(|(_, value)| *value * 100.0 < most);
    for (row, (name, value)) in (1..).zip(rows) {
        let top = row * ROW as i32 + 8;
        let share = if is_wide {
            (1.0 + value).ln() / (1.0 + most).ln()
        } else {
            value / most
        };
        let right = 190 + (560.0 * share) as i32;
        let color = if name.starts_with("enkash") {
            OURS
        } else {
            THEIRS
        };
        let bar = [(190, top), (right, top + ROW as i32 - 8)];
        area.draw(&Text::new(name.clone(), (8, top + 2), font(14)))?;
        area.draw(&Rectangle::new(bar, color.filled()))?;
        let value = if *value < 10.0 {
            format!("{value:.2}")
        } else {
            format!("{value:.0}")
        };
        area.draw(&Text::new(value, (right + 6, top + 2), font(14)))?;
    }
    if is_wide {
        let note = "lengths by the logarithm".to_owned();
        area.draw(&Text::new(
            note,
            (190, (rows.len() as i32 + 1) * ROW as i32 + 6),
            font(12),
        ))?;
    }
    Ok(area.present()?)
}

/// Draws the slowest of every hundred calls, in order.
fn latencies(renewal: &Latencies) -> Drawn {
    let path = path("renewal");
    let area = SVGBackend::new(&path, (WIDTH, 360)).into_drawing_area();
    area.fill(&WHITE)?;
    let slowest = renewal
        .nanos
        .chunks(100)
        .map(|calls| calls.iter().copied().fold(1.0, f64::max));
    let points: Vec<_> = (0_u32..).zip(slowest).collect();
    let title = format!(
        "the slowest call of every 100, {} renewals behind them: ns",
        renewal.renewals
    );
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .caption(title, ("sans-serif", 16))
        .set_left_and_bottom_label_area_size(50)
        .build_cartesian_2d(0..points.len() as u32, (10.0..1e6).log_scale())?;
    chart.configure_mesh().x_desc("hundreds of calls").draw()?;
    chart.draw_series(
        points
            .into_iter()
            .map(|at| Circle::new(at, 1, OURS.filled())),
    )?;
    Ok(area.present()?)
}

/// Draws the token requests of each second, of a server that rotates tokens and of one that reuses them.
pub(crate) fn loads(loads: &[(&str, Load)]) -> io::Result<()> {
    draw_loads(loads).map_err(|error| Error::other(error.to_string()))
}

fn draw_loads(loads: &[(&str, Load)]) -> Drawn {
    let path = path("accounts");
    let area = SVGBackend::new(&path, (WIDTH, 360)).into_drawing_area();
    area.fill(&WHITE)?;
    let seconds = loads.iter().map(|(_, load)| load.seconds.len()).max();
    let most = loads.iter().flat_map(|(_, load)| &load.seconds).max();
    let most = most.copied().unwrap_or_default() + 1;
    let title = "many accounts, tokens of five minutes: token requests a second";
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .caption(title, ("sans-serif", 16))
        .set_left_and_bottom_label_area_size(50)
        .build_cartesian_2d(0..seconds.unwrap_or_default(), 0..most)?;
    chart.configure_mesh().x_desc("seconds").draw()?;
    for ((name, load), color) in loads.iter().zip([OURS, THEIRS]) {
        // Ten seconds a point.
        let tens = load.seconds.chunks(10).enumerate();
        let points = tens.map(|(at, ten)| (at * 10, ten.iter().sum::<u64>() / ten.len() as u64));
        let points: Vec<_> = points.collect();
        chart
            .draw_series([PathElement::new(points, color.stroke_width(2))])?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .draw()?;
    Ok(area.present()?)
}

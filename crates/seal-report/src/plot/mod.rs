//! Plots as inline SVG.
//!
//! Colours and strokes come from the page's style sheet through classes, so
//! that one drawing serves light and dark. A series is told apart by dash and
//! marker as well as by colour. Every drawing has a title and a description.

mod axis;
mod curve;
mod distribution;
mod gamma;
mod kept;
mod picture;
mod win;

pub(crate) use curve::{roc, traces};
pub(crate) use distribution::histograms;
pub(crate) use gamma::penalty;
pub(crate) use picture::picture;
pub(crate) use win::{controls, part_dots};

use std::fmt::Write as _;

use maud::{Markup, html};

use axis::Axis;

/// Colours of the page and of drawings, light and dark.
pub(crate) const COLOURS: &str = include_str!("colours.css");

/// Strokes, marks and text of drawings.
pub(crate) const STYLE: &str = include_str!("plot.css");

/// A figure: panels side by side, a caption, and a legend.
pub(crate) struct Plot {
    pub id: String,
    pub caption: String,
    pub panels: Vec<Markup>,
    pub legend: Vec<LegendEntry>,
}

/// One entry of a legend.
pub(crate) struct LegendEntry {
    pub label: String,
    /// Class of the series (see [`series_class`]).
    pub class: String,
    pub shape: Shape,
}

/// How a series is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Diamond,
    Square,
    Line,
    Area,
}

/// The class of the `i`-th series beside SEAL, which has the class `seal`.
pub(crate) fn series_class(i: usize) -> String {
    format!("s{}", i % 7 + 1)
}

/// A coordinate with one decimal: enough for a screen, and stable.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A path through points.
fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut d = String::new();
    for (i, (x, y)) in points.enumerate() {
        let step = if i == 0 { 'M' } else { 'L' };
        write!(d, "{step}{} {}", px(x), px(y)).expect("writing to a string cannot fail");
    }
    d
}

/// A marker centred at a point.
fn marker(shape: Shape, x: f64, y: f64, class: &str) -> Markup {
    let d = match shape {
        Shape::Diamond => {
            format!("M{} {}l5.5 5.5 -5.5 5.5 -5.5 -5.5z", px(x), px(y - 5.5))
        }
        Shape::Square => format!("M{} {}h7v7h-7z", px(x - 3.5), px(y - 3.5)),
        Shape::Circle | Shape::Line | Shape::Area => {
            format!("M{} {}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", px(x - 4.0), px(y))
        }
    };
    html! { path class=(format!("mark {class}")) d=(d) {} }
}

/// The drawing area of one plot with its axes.
struct Panel {
    id: String,
    title: String,
    desc: String,
    width: f64,
    height: f64,
    left: f64,
    x: Axis,
    /// Without ticks, the vertical axis is not drawn.
    y: Axis,
}

/// Numbers beside the vertical axis take less than this, labels of rows more.
const LABELS: f64 = 100.0;

const TOP: f64 = 26.0;
const RIGHT: f64 = 10.0;
const BOTTOM: f64 = 36.0;

impl Panel {
    fn px(&self, x: f64) -> f64 {
        self.left + self.x.position(x) * (self.width - self.left - RIGHT)
    }

    fn py(&self, y: f64) -> f64 {
        self.height - BOTTOM - self.y.position(y) * (self.height - TOP - BOTTOM)
    }

    /// Where the heading starts: over the labels that stand left of the panel.
    fn heading(&self) -> f64 {
        if self.left > LABELS { 0.0 } else { self.left.min(34.0) }
    }

    /// The panel with `body` drawn over its grid.
    fn svg(&self, body: &Markup) -> Markup {
        let (right, floor) = (self.width - RIGHT, self.height - BOTTOM);
        let (title_id, desc_id) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        html! {
            svg.plot role="img" aria-labelledby={ (title_id) " " (desc_id) }
                viewBox={ "0 0 " (px(self.width)) " " (px(self.height)) }
                width=(px(self.width)) height=(px(self.height)) {
                title id=(title_id) { (self.title) }
                desc id=(desc_id) { (self.desc) }
                text.heading x=(px(self.heading())) y="14" { (self.title) }
                @for (value, label) in &self.y.ticks {
                    @let y = self.py(*value);
                    line.grid x1=(px(self.left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                    text.tick x=(px(self.left - 6.0)) y=(px(y + 3.5)) text-anchor="end" { (label) }
                }
                @for (value, label) in &self.x.ticks {
                    @let x = self.px(*value);
                    line.notch x1=(px(x)) x2=(px(x)) y1=(px(floor)) y2=(px(floor + 4.0)) {}
                    text.tick x=(px(x)) y=(px(floor + 15.0)) text-anchor="middle" { (label) }
                }
                line.axis x1=(px(self.left)) x2=(px(right)) y1=(px(floor)) y2=(px(floor)) {}
                text.label x=(px((self.left + right) / 2.0)) y=(px(self.height - 5.0))
                    text-anchor="middle" { (self.x.label) }
                @if !self.y.label.is_empty() {
                    text.label text-anchor="middle"
                        transform={ "translate(11 " (px((TOP + floor) / 2.0)) ") rotate(-90)" } {
                        (self.y.label)
                    }
                }
                (body)
            }
        }
    }
}

/// The sample that stands before a legend's label.
pub(crate) fn swatch(entry: &LegendEntry) -> Markup {
    let class = &entry.class;
    html! {
        svg.swatch width="26" height="12" viewBox="0 0 26 12" aria-hidden="true" {
            @match entry.shape {
                Shape::Area => { path class={ "area " (class) } d="M2 11V2h22v9z" {} }
                Shape::Line => { path class={ "line " (class) } d="M1 6H25" {} }
                shape => { (marker(shape, 13.0, 6.0, class)) }
            }
        }
    }
}

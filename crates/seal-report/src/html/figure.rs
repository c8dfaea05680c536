//! A figure: panels that wrap, a legend, a caption.

use maud::{Markup, html};

use crate::plot::{Plot, swatch};

/// The figure as HTML.
pub(super) fn render(figure: &Plot) -> Markup {
    html! {
        figure id={ "figure-" (figure.id) } {
            @if !figure.caption.is_empty() { figcaption { (figure.caption) } }
            @if !figure.legend.is_empty() {
                ul.legend {
                    @for entry in &figure.legend { li { (swatch(entry)) (entry.label) } }
                }
            }
            div.panels { @for panel in &figure.panels { (panel) } }
        }
    }
}

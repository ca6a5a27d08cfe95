//! Line plots as SVG. The one file that names plotters.

use anyhow::anyhow;
pub(super) use plotters::prelude::SeriesLabelPosition as Names;
use plotters::prelude::{
    ChartBuilder, IntoDrawingArea, LineSeries, PathElement, RGBColor, SVGBackend, WHITE,
};
use plotters::style::{Color, IntoFont};

/// Width and height in pixels.
const SIZE: (u32, u32) = (640, 360);
/// Told apart by people who see few colours as well (Okabe and Ito 2008).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(148, 138, 20),
];

/// What is plotted.
pub(super) struct Plot<'a> {
    pub(super) title: &'a str,
    /// What the axes are, with their units.
    pub(super) axes: (&'a str, &'a str),
    /// Where the axes end; they begin at 0.
    pub(super) to: (f64, f64),
    /// Name and points of each line.
    pub(super) lines: Vec<(String, Vec<(f64, f64)>)>,
    /// Where the names of the lines are in the way least.
    pub(super) names: Names,
    /// A thin line from corner to corner: what a guess, or a perfect score, would be.
    pub(super) has_diagonal: bool,
}

/// The plot as an `<svg>` element.
///
/// # Errors
/// When it cannot be drawn.
pub(super) fn svg(plot: &Plot<'_>) -> anyhow::Result<String> {
    let mut svg = String::new();
    draw(plot, &mut svg).map_err(|error| anyhow!("cannot draw `{}`: {error}", plot.title))?;
    Ok(svg)
}

fn draw(plot: &Plot<'_>, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (width, height) = (plot.to.0.max(1e-9), plot.to.1.max(1e-9));
    let mut chart = ChartBuilder::on(&area)
        .caption(plot.title, ("sans-serif", 17).into_font())
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..width, 0.0..height)?;
    chart
        .configure_mesh()
        .x_desc(plot.axes.0)
        .y_desc(plot.axes.1)
        .x_labels(6)
        .y_labels(6)
        .light_line_style(WHITE)
        .draw()?;
    if plot.has_diagonal {
        let corners = [(0.0, 0.0), (width, height)];
        chart.draw_series(LineSeries::new(corners, RGBColor(150, 150, 150)))?;
    }
    for ((name, points), colour) in plot.lines.iter().zip(COLOURS.into_iter().cycle()) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    if plot.lines.len() > 1 {
        chart
            .configure_series_labels()
            .position(plot.names.clone())
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .draw()?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_holds_its_words_and_lines_and_nothing_that_runs() {
        let plot = Plot {
            title: "packets <&>",
            axes: ("time (s)", "packets a second"),
            to: (10.0, 100.0),
            lines: vec![
                ("normal".to_owned(), vec![(0.0, 1.0), (10.0, 90.0)]),
                ("syn_flood".to_owned(), vec![(0.0, 5.0), (10.0, 50.0)]),
            ],
            names: Names::UpperRight,
            has_diagonal: true,
        };
        let svg = svg(&plot).unwrap();
        for word in [
            "packets &lt;&amp;&gt;",
            "time (s)",
            "packets a second",
            "syn_flood",
        ] {
            assert!(svg.contains(word), "{word}");
        }
        assert!(svg.matches("<polyline").count() >= 5 && !svg.contains("<script"));
    }

    #[test]
    fn nothing_to_plot_is_an_empty_plot() {
        let plot = Plot {
            title: "nothing",
            axes: ("", ""),
            to: (0.0, 0.0),
            lines: Vec::new(),
            names: Names::UpperRight,
            has_diagonal: false,
        };
        assert!(svg(&plot).unwrap().starts_with("<svg"));
    }
}

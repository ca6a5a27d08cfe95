//! Line plots as SVG. The one file that names plotters.

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::{
    ChartBuilder, DrawingArea, IntoDrawingArea, LineSeries, PathElement, RGBColor, SVGBackend,
    Text, WHITE,
};
use plotters::series::DashedLineSeries;
use plotters::style::{Color, IntoFont};

use crate::learn::scores::grouped;

/// Width and height in pixels, with the legend.
const SIZE: (u32, u32) = (780, 360);
/// Where the legend begins: beside the plot, so that it hides no line.
const LEGEND: u32 = 610;
/// Pixels from one name in the legend to the next.
const LINE: i32 = 20;
const GREY: RGBColor = RGBColor(150, 150, 150);
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
pub(in crate::command) struct Plot<'a> {
    pub(in crate::command) title: &'a str,
    /// What the axes are, with their units.
    pub(in crate::command) axes: (&'a str, &'a str),
    /// Where the axes end; they begin at 0.
    pub(in crate::command) to: (f64, f64),
    /// Name and points of each line.
    pub(in crate::command) lines: Vec<(String, Vec<(f64, f64)>)>,
    /// What a thin line from corner to corner is: a guess, or a perfect score.
    pub(in crate::command) diagonal: Option<&'a str>,
    /// The second axis counts powers of ten: its values are logarithms of what is told.
    pub(in crate::command) is_logarithmic: bool,
}

/// The plot as an `<svg>` element.
///
/// # Errors
/// When it cannot be drawn.
pub(in crate::command) fn svg(plot: &Plot<'_>) -> anyhow::Result<String> {
    let mut svg = String::new();
    draw(plot, &mut svg).map_err(|error| anyhow!("cannot draw `{}`: {error}", plot.title))?;
    Ok(svg)
}

fn draw(plot: &Plot<'_>, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (area, beside) = area.split_horizontally(LEGEND);
    let (width, height) = (plot.to.0.max(1e-9), plot.to.1.max(1e-9));
    let mut chart = ChartBuilder::on(&area)
        .caption(plot.title, ("sans-serif", 17).into_font())
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(68)
        .build_cartesian_2d(0.0..width, 0.0..height)?;
    // A label for each power of ten.
    let labels = match plot.is_logarithmic {
        true => height as usize + 1,
        false => 6,
    };
    let of_axis = |value: &f64| match plot.is_logarithmic {
        true => told(10f64.powf(*value)),
        false => told(*value),
    };
    chart
        .configure_mesh()
        .x_desc(plot.axes.0)
        .y_desc(plot.axes.1)
        .x_labels(6)
        .y_labels(labels)
        .x_label_formatter(&|value| told(*value))
        .y_label_formatter(&of_axis)
        .light_line_style(WHITE)
        .draw()?;
    if plot.diagonal.is_some() {
        let corners = [(0.0, 0.0), (width, height)];
        chart.draw_series(LineSeries::new(corners, GREY))?;
    }
    for (number, (_, points)) in plot.lines.iter().enumerate() {
        let (colour, is_dashed) = look(number);
        let style = colour.stroke_width(2);
        let points = points.iter().copied();
        if is_dashed {
            chart.draw_series(DashedLineSeries::new(points, 6, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    legend(plot, &beside)?;
    area.present()?;
    Ok(())
}

/// The names of the lines, each with a piece of its line.
fn legend(
    plot: &Plot<'_>,
    area: &DrawingArea<SVGBackend<'_>, Shift>,
) -> Result<(), Box<dyn std::error::Error>> {
    let lines = plot.lines.iter().enumerate();
    let lines = lines.map(|(number, (name, _))| (name.as_str(), look(number), 2));
    let diagonal = plot.diagonal.map(|name| (name, (GREY, false), 1));
    for (at, (name, (colour, is_dashed), width)) in (1..).zip(lines.chain(diagonal)) {
        let y = 24 + LINE * at;
        let style = colour.stroke_width(width);
        let pieces: &[(i32, i32)] = match is_dashed {
            true => &[(0, 8), (12, 20)],
            false => &[(0, 20)],
        };
        for (from, to) in pieces {
            area.draw(&PathElement::new([(*from, y), (*to, y)], style))?;
        }
        area.draw(&Text::new(
            name.to_owned(),
            (26, y - 6),
            ("sans-serif", 12).into_font(),
        ))?;
    }
    Ok(())
}

/// The colour of a line, and whether it is dashed, as those after the first few are.
fn look(number: usize) -> (RGBColor, bool) {
    (COLOURS[number % COLOURS.len()], number >= COLOURS.len())
}

/// A number at an axis: no more digits than it has, thousands parted.
fn told(value: f64) -> String {
    if value.abs() >= 10.0 {
        return grouped(value.round() as u64);
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.strip_prefix("-0")
        .filter(|rest| rest.is_empty())
        .map_or(text, |_| "0")
        .to_owned()
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
            diagonal: Some("a guess"),
            is_logarithmic: false,
        };
        let svg = svg(&plot).unwrap();
        for word in [
            "packets &lt;&amp;&gt;",
            "time (s)",
            "packets a second",
            "syn_flood",
            "a guess",
        ] {
            assert!(svg.contains(word), "{word}");
        }
        assert!(svg.matches("<polyline").count() >= 5 && !svg.contains("<script"));
    }

    #[test]
    fn numbers_at_the_axes_are_read_without_counting_digits() {
        let told = [0.0, 0.25, 1.0, 9.5, 1e5, 1_234_567.0].map(told);
        assert_eq!(told, ["0", "0.25", "1", "9.5", "100,000", "1,234,567"]);
        let plot = Plot {
            title: "packets",
            axes: ("", ""),
            to: (1.0, 6.0),
            lines: vec![("a".to_owned(), vec![(0.0, 6.0)])],
            diagonal: None,
            is_logarithmic: true,
        };
        let svg = svg(&plot).unwrap();
        for power in ["\n1\n", "\n100\n", "\n10,000\n", "\n1,000,000\n"] {
            assert!(svg.contains(power), "{svg}");
        }
    }

    #[test]
    fn lines_beyond_the_colours_are_dashed() {
        assert_eq!(look(3), (COLOURS[3], false));
        assert_eq!(look(COLOURS.len() + 3), (COLOURS[3], true));
    }

    #[test]
    fn nothing_to_plot_is_an_empty_plot() {
        let plot = Plot {
            title: "nothing",
            axes: ("", ""),
            to: (0.0, 0.0),
            lines: Vec::new(),
            diagonal: None,
            is_logarithmic: false,
        };
        assert!(svg(&plot).unwrap().starts_with("<svg"));
    }
}

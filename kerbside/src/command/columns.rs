//! Lists for people: columns as wide as their widest cell.

/// A line for the names and one a row.
pub fn columns<const N: usize>(names: [&str; N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|at| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([names[at].chars().count()]).max().unwrap_or_default()
    });
    let line = |cells: &[String; N]| {
        let padded: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    std::iter::once(&names.map(str::to_owned)).chain(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_widest_cell() {
        let rows = [["bãi-1".to_owned(), "x".to_owned()], ["b".to_owned(), String::new()]];
        assert_eq!(columns(["id", "state"], &rows), "id     state\nbãi-1  x\nb\n");
    }
}

//! Where a study writes its figures and tables.

use std::path::{Path, PathBuf};

use elbo_models::pictures::{Picture, Sweep};
use elbo_models::{Result, write_whole};

use crate::cli::folder::Empty;
use crate::cli::interrupt;

/// A folder for the files of one study.
pub(super) struct Folder {
    path: PathBuf,
    files: Vec<String>,
}

impl Folder {
    /// The folder that was asked for, or the next free runs/study-001, [empty](Empty::make). On Ctrl-C the study says whether it has
    /// written something yet.
    pub(super) fn make(out: Option<&Path>) -> Result<Folder> {
        let folder = Empty::make(out, "study")?;
        let path = folder.path.clone();
        interrupt::ends_with(move || match folder.give_up() {
            true => format!("the files so far are in {}", folder.path.display()),
            false => format!("nothing was written to {} yet", folder.path.display()),
        });
        Ok(Folder { path, files: Vec::new() })
    }

    /// Writes a figure as NAME.svg and NAME.png.
    pub(super) fn figure(&mut self, name: &str, sweep: &Sweep) -> Result<()> {
        self.picture(name, &sweep.svg(), &sweep.draw())
    }

    /// Writes a figure of any kind, in both forms.
    pub(super) fn picture(&mut self, name: &str, svg: &str, picture: &Picture) -> Result<()> {
        self.write(&format!("{name}.svg"), svg.as_bytes())?;
        self.write(&format!("{name}.png"), &picture.png())
    }

    /// Writes a table: names of columns, then rows.
    pub(super) fn table(
        &mut self,
        name: &str,
        columns: &[&str],
        rows: &[Vec<String>],
    ) -> Result<()> {
        let mut text = columns.join(",") + "\n";
        for row in rows {
            text += &row.join(",");
            text.push('\n');
        }
        self.write(&format!("{name}.csv"), text.as_bytes())
    }

    fn write(&mut self, file: &str, bytes: &[u8]) -> Result<()> {
        write_whole(&self.path.join(file), bytes)?;
        self.files.push(file.into());
        Ok(())
    }

    /// The folder and the files in it, in one line.
    pub(super) fn summary(&self) -> String {
        format!("{}: {}", self.path.display(), self.files.join(", "))
    }
}

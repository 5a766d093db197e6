//! Where a study writes its figures and tables.

use std::path::{Path, PathBuf};

use elbo_models::pictures::{Picture, Sweep};
use elbo_models::{Error, Result, write_whole};

use crate::cli::next_free::next_free;

/// A folder for the files of one study.
pub(super) struct Folder {
    path: PathBuf,
    files: Vec<String>,
}

impl Folder {
    /// The folder that was asked for, or the next free runs/study-001. It is made before anything is computed, and
    /// must be empty: what another study found is not written over.
    pub(super) fn make(out: Option<&Path>) -> Result<Folder> {
        let path = out.map_or_else(|| next_free(Path::new("runs"), "study"), Path::to_path_buf);
        if std::fs::read_dir(&path).is_ok_and(|mut files| files.next().is_some()) {
            return Err(Error::Settings {
                what: format!("{} is not empty", path.display()),
                help: "choose another folder with --out".into(),
            });
        }
        std::fs::create_dir_all(&path).map_err(|source| Error::Io {
            path: path.clone(),
            source,
            help: "choose another folder with --out".into(),
        })?;
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

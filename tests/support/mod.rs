//! What the tests of the command have in common: a folder of its own for each, with a small data
//! set, in which the built binary runs without seeing anything of the machine.

#![allow(dead_code, reason = "every test file uses another part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use elbo_models::data::FILE_NAMES;
use elbo_models::data::idx::{self, IdxArray, IdxData};
use serde_json::Value;
use tempfile::TempDir;

/// The number of training and of test images of the small set, and their side.
pub(crate) const TRAIN: usize = 300;
pub(crate) const TEST: usize = 60;
pub(crate) const SIDE: usize = 8;

/// A folder in which the command runs; `data` inside it is a small data set.
pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        let lab = Lab { folder: tempfile::tempdir().unwrap() };
        write_set(&lab.path("data"), TRAIN, TEST, SIDE);
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command with these words, split at spaces; nothing of it depends on the machine.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_elbo"));
        self.prepare(&mut command);
        command.args(words(line));
        command
    }

    /// Sets folder and environment of any command.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("ELBO_DATA", self.path("no-data"))
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a command that must succeed without a word on stderr; returns its stdout.
    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "elbo {line}: {}: {stderr}", output.status);
        assert_eq!(stderr, "", "elbo {line}");
        stdout
    }

    /// Runs a command that must be refused in one clear line that holds all of `says`, with
    /// nothing in the folder made, changed or removed. Returns stderr.
    #[track_caller]
    pub(crate) fn refuses(&self, line: &str, says: &[&str]) -> String {
        let before = self.snapshot();
        let output = self.run(line);
        let stderr = refused(line, &output, says);
        let after = self.snapshot();
        let names = |shot: &BTreeMap<PathBuf, Vec<u8>>| shot.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&after), names(&before), "elbo {line}: files came or went");
        let changed: Vec<_> =
            after.iter().filter(|(path, bytes)| before[*path] != **bytes).collect();
        assert!(changed.is_empty(), "elbo {line}: changed {:?}", changed[0].0);
        stderr
    }

    /// All files and folders with their contents.
    fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(self.folder.path(), &mut found);
        found
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The files of a folder, in order.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(name))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Copies the files of a folder into a new one.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        fs::create_dir_all(self.path(to)).unwrap();
        for name in self.list(from) {
            fs::copy(self.path(from).join(&name), self.path(to).join(&name)).unwrap();
        }
    }

    /// The metrics of a run.
    pub(crate) fn metrics(&self, run: &str) -> Vec<Value> {
        json_lines(&self.text(&format!("{run}/metrics.jsonl")))
    }

    /// The losses of every epoch: all of its metrics that do not depend on the clock.
    pub(crate) fn losses(&self, run: &str) -> Vec<String> {
        let timeless = |mut line: Value| {
            let fields = line.as_object_mut().unwrap();
            fields.remove("seconds").unwrap();
            fields.remove("images_per_second").unwrap();
            line.to_string()
        };
        self.metrics(run).into_iter().map(timeless).collect()
    }

    /// Whether two runs ended in the same bits.
    #[track_caller]
    pub(crate) fn same_bits(&self, a: &str, b: &str) {
        for file in ["checkpoint.safetensors", "best.safetensors"] {
            let [x, y] = [a, b].map(|run| self.read(&format!("{run}/{file}")));
            assert!(x == y, "{file} of {a} and {b} differ");
        }
        assert_eq!(self.losses(a), self.losses(b), "{a} and {b}");
    }
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
            found.insert(path, Vec::new());
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
}

/// Splits at spaces; `""` is an empty word.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace().map(|word| if word == "\"\"" { "" } else { word })
}

pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Checks that a command was refused in one line; returns it.
#[track_caller]
pub(crate) fn refused(line: &str, output: &Output, says: &[&str]) -> String {
    let (_, stderr) = texts(output);
    assert!(!stderr.contains("panicked"), "elbo {line}: {stderr}");
    match output.status.code() {
        // Wrong usage: clap explains it.
        Some(2) if stderr.starts_with("error: ") => {}
        Some(1 | 2) => {
            assert!(stderr.starts_with("elbo: "), "elbo {line}: {stderr:?}");
            assert_eq!(stderr.lines().count(), 1, "elbo {line}: {stderr}");
        }
        _ => panic!("elbo {line}: {}: {stderr}", output.status),
    }
    for words in says {
        assert!(stderr.contains(words), "elbo {line}: no {words:?} in {stderr:?}");
    }
    stderr
}

/// Sends a signal that std knows no name for.
#[cfg(unix)]
pub(crate) fn signal(child: &Child, name: &str) {
    let line = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
}

/// Interrupts a command as soon as it has printed a line that holds some words; returns what it said on stderr.
#[cfg(unix)]
#[track_caller]
pub(crate) fn interrupted_after(mut command: Command, words: &str) -> String {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    if !lines.any(|line| line.unwrap().contains(words)) {
        child.kill().unwrap();
        panic!("no {words:?}");
    }
    signal(&child, "INT");
    // Or it would stop where nobody reads.
    lines.for_each(drop);
    let output = child.wait_with_output().unwrap();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.starts_with("elbo: interrupted; ") && stderr.lines().count() == 1, "{stderr}");
    stderr
}

pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        assert!(value.is_object(), "{line}");
        value
    };
    text.lines().map(parse).collect()
}

/// The rows of a table, each as one object with the names of the columns; numbers are numbers.
pub(crate) fn table(text: &str) -> Vec<Value> {
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let value = |cell: &str| cell.parse::<f64>().map_or_else(|_| cell.into(), Value::from);
    let object = |cells: Vec<&str>| {
        assert_eq!(cells.len(), names.len(), "{cells:?}");
        names.iter().zip(cells).map(|(name, cell)| (name.to_string(), value(cell))).collect()
    };
    lines.map(object).collect()
}

/// Holds every column of a table against the object of the same row: `x_low` is the first of `x_ci`, and what is
/// not known is empty.
#[track_caller]
pub(crate) fn same_figures(table: &[Value], objects: &[Value]) {
    assert_eq!(table.len(), objects.len());
    for (row, object) in table.iter().zip(objects) {
        for (column, cell) in row.as_object().unwrap() {
            let end = |side: &str, i: usize| {
                let ci = object.get(format!("{}_ci", column.strip_suffix(side)?))?;
                Some(&ci[i])
            };
            let figure = object.get(column).or_else(|| end("_low", 0)).or_else(|| end("_high", 1));
            let same = match figure {
                Some(Value::Null) => cell == "",
                Some(Value::Number(x)) => cell.as_f64() == x.as_f64(),
                Some(Value::Bool(yes)) => {
                    cell.as_str().is_some_and(|cell| cell.parse() == Ok(*yes))
                }
                Some(figure) => cell == figure,
                None => false,
            };
            assert!(same, "{column}: {cell} in the table, {figure:?} in {object}");
        }
    }
}

/// Writes the four files of a set: squares at places that follow from the label, over noise.
pub(crate) fn write_set(folder: &Path, train: usize, test: usize, side: usize) {
    fs::create_dir_all(folder).unwrap();
    for (first, count) in [(0, train), (2, test)] {
        let (pixels, labels) = draw(count, side, first as u64 + 1);
        let images = IdxArray { shape: vec![count, side, side], data: IdxData::U8(pixels) };
        let labels = IdxArray { shape: vec![count], data: IdxData::U8(labels) };
        idx::write(&folder.join(FILE_NAMES[first]), &images).unwrap();
        idx::write(&folder.join(FILE_NAMES[first + 1]), &labels).unwrap();
    }
}

fn draw(count: usize, side: usize, seed: u64) -> (Vec<u8>, Vec<u8>) {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    let mut pixels = vec![0; count * side * side];
    let labels: Vec<u8> = (0..count).map(|_| (next() % 4) as u8).collect();
    for (image, &label) in pixels.chunks_exact_mut(side * side).zip(&labels) {
        let half = side.div_ceil(2);
        let (top, left) =
            (usize::from(label) / 2 * (side - half), usize::from(label) % 2 * (side - half));
        for (i, pixel) in image.iter_mut().enumerate() {
            let inside = (top..top + half).contains(&(i / side))
                && (left..left + half).contains(&(i % side));
            *pixel = if inside { 255 - next() % 100 } else { next() % 30 } as u8;
        }
    }
    (pixels, labels)
}

/// The header of a safetensors file.
pub(crate) fn header(bytes: &[u8]) -> Value {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    serde_json::from_slice(&bytes[8..8 + length]).unwrap()
}

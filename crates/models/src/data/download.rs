//! Downloads of published sets: what appears in the folder is whole and has the right SHA-256.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;

use super::idx::{self, GZIP_MAGIC};
use super::published::{Published, PublishedFile, Verdict};
use crate::atomic::{self, Pending};
use crate::{Error, Result};

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// How long one file may take: 26 MB, the largest, at 15 kB/s.
const WHOLE_FILE: Duration = Duration::from_secs(30 * 60);

/// By how much a packed file may be larger than its contents: gzip's own bytes.
const PACKING: u64 = 64 << 10;

/// How far the download of a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The name without `.gz`.
    pub file: &'a str,
    /// Where it comes from.
    pub url: &'a str,
    /// Bytes received so far; it starts again from 0 at another mirror.
    pub received: u64,
    /// Bytes to come in all, if the server says so.
    pub total: Option<u64>,
}

/// A file that is in its folder after a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub path: PathBuf,
    /// Whether it was downloaded, and not there before.
    pub downloaded: bool,
}

/// Downloads the published set `name` into the folder `into`, from `mirrors` or, if there are
/// none, from those that are known. See [`Published::fetch`].
///
/// # Errors
/// As [`Published::named`] and [`Published::fetch`].
pub fn fetch(
    name: &str,
    into: &Path,
    mirrors: &[String],
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Fetched>> {
    let mut set = Published::named(name)?;
    if !mirrors.is_empty() {
        set.mirrors = mirrors.to_vec();
    }
    set.fetch(into, progress)
}

impl Published {
    /// Downloads what is missing of the set into the folder `into`, which is made if need be.
    ///
    /// A file that is there and right stays. One that is no IDX file, such as the torso of another
    /// download, is replaced; one that is a sound IDX file of other contents is somebody's data,
    /// and an error. Each mirror is tried in turn; a file gets its name after its SHA-256 was
    /// compared, and nothing is left of one that failed.
    ///
    /// # Errors
    /// [`Error::Network`] that says what each mirror answered and what to do offline;
    /// [`Error::Data`] if a file is in the way; [`Error::Io`] if the folder cannot be written.
    pub fn fetch(&self, into: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Fetched>> {
        self.fetch_from(&agent(SILENCE), into, progress)
    }

    fn fetch_from(
        &self,
        agent: &Agent,
        into: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Fetched>> {
        fs::create_dir_all(into).map_err(|source| Error::Io {
            path: into.into(),
            source,
            help: "choose a folder that may be written to".into(),
        })?;
        atomic::sweep(into);
        // All of them before the first download: nobody should wait for a refusal.
        let there: Vec<_> =
            self.files.iter().map(|file| self.there(file, into)).collect::<Result<_>>()?;

        let mut mirrors: Vec<&str> = self.mirrors.iter().map(String::as_str).collect();
        let mut fetched = Vec::new();
        for (file, there) in self.files.iter().zip(there) {
            let path = match there {
                There::Right(path) => {
                    fetched.push(Fetched { path, downloaded: false });
                    continue;
                }
                There::Torso(old) => {
                    let path = self.fetch_file(agent, file, into, &mut mirrors, progress)?;
                    if old != path {
                        // It would be found before the new file.
                        fs::remove_file(&old).map_err(|source| Error::Io {
                            path: old,
                            source,
                            help: "remove this damaged file".into(),
                        })?;
                    }
                    path
                }
                There::Nothing => self.fetch_file(agent, file, into, &mut mirrors, progress)?,
            };
            fetched.push(Fetched { path, downloaded: true });
        }
        Ok(fetched)
    }

    fn there(&self, file: &PublishedFile, into: &Path) -> Result<There> {
        let check = file.find_and_check(into);
        match (check.path, check.verdict) {
            (None, _) => Ok(There::Nothing),
            (Some(path), Verdict::Match) => Ok(There::Right(path)),
            (Some(path), _) if idx::read(&path).is_err() => Ok(There::Torso(path)),
            (Some(path), _) => Err(Error::Data {
                path,
                what: format!("is in the way: it is an IDX file, but not that of {}", self.name),
                help: "move it away, or choose another folder with --into".into(),
            }),
        }
    }

    /// Tries each mirror; one that works comes first for the next file.
    fn fetch_file(
        &self,
        agent: &Agent,
        file: &PublishedFile,
        into: &Path,
        mirrors: &mut [&str],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf> {
        let mut failures = Vec::new();
        for at in 0..mirrors.len() {
            let url = format!("{}/{}.gz", mirrors[at].trim_end_matches('/'), file.name);
            let mut pending = Pending::beside(&into.join(&file.name))?;
            match receive(agent, &url, file, &mut pending, progress) {
                Ok(ending) => {
                    let path = into.join(format!("{}{ending}", file.name));
                    pending.keep_as(&path)?;
                    mirrors.swap(0, at);
                    return Ok(path);
                }
                Err(Failure::Disk(error)) => return Err(error),
                Err(Failure::Mirror(what)) => failures.push((url, what)),
            }
        }
        Err(self.unreachable(failures, into))
    }

    fn unreachable(&self, failures: Vec<(String, String)>, into: &Path) -> Error {
        let mut failures = failures.into_iter();
        let Some((url, mut what)) = failures.next() else {
            return Error::Settings {
                what: format!("no mirror of {} is known", self.name),
                help: "name one with --mirror".into(),
            };
        };
        for (url, other) in failures {
            what += &format!(", and {url}: {other}");
        }
        let files: Vec<String> = self
            .files
            .iter()
            .map(|file| format!("{}.gz (SHA-256 unpacked: {})", file.name, file.sha256))
            .collect();
        let package = match self.name.as_str() {
            "fashion-mnist" => "install Debian's package dataset-fashion-mnist, or ",
            _ => "",
        };
        let help = format!(
            "try again or name another mirror with --mirror; offline, {package}put {} into {}, or \
             use --data sample",
            files.join(", "),
            into.display(),
        );
        Error::Network { url, what, help }
    }
}

/// What stands in the place of a file before its download.
enum There {
    Right(PathBuf),
    Torso(PathBuf),
    Nothing,
}

/// Why a file did not come.
enum Failure {
    /// This mirror does not have it; another may.
    Mirror(String),
    /// No mirror can help.
    Disk(Error),
}

fn agent(silence: Duration) -> Agent {
    Agent::config_builder()
        .timeout_resolve(Some(silence))
        .timeout_connect(Some(silence))
        .timeout_per_read(Some(silence))
        .timeout_recv_response(Some(silence))
        .timeout_recv_body(Some(WHOLE_FILE))
        // The file is packed already, and is to be kept as it is.
        .accept_encoding("identity")
        .build()
        .into()
}

/// Downloads one file into `pending`, checks it, and says whether its name ends in `.gz`.
fn receive(
    agent: &Agent,
    url: &str,
    file: &PublishedFile,
    pending: &mut Pending,
    progress: &mut dyn FnMut(Progress),
) -> Result<&'static str, Failure> {
    let mirror = |error: &dyn std::fmt::Display| Failure::Mirror(error.to_string());
    let mut response = agent.get(url).call().map_err(|e| mirror(&e))?;
    let total = response.body().content_length();
    let most = file.bytes + PACKING;
    let mut body = response.body_mut().as_reader();

    let mut buffer = vec![0; 64 << 10];
    let mut received = 0;
    let mut start = [0; GZIP_MAGIC.len()];
    progress(Progress { file: &file.name, url, received, total });
    loop {
        let got = body.read(&mut buffer).map_err(|e| mirror(&e))?;
        if got == 0 {
            break;
        }
        for (at, &byte) in (received as usize..start.len()).zip(&buffer[..got]) {
            start[at] = byte;
        }
        received += got as u64;
        if received > most {
            let what = format!("sends more than {most} bytes for a file of {}", file.bytes);
            return Err(Failure::Mirror(what));
        }
        pending.write_all(&buffer[..got]).map_err(|source| {
            let help = "check that the disk has room".into();
            Failure::Disk(Error::Io { path: pending.path().into(), source, help })
        })?;
        progress(Progress { file: &file.name, url, received, total });
    }

    match file.check(pending.path()) {
        // A server may unpack what it sends; the name tells what is in the file.
        Verdict::Match => Ok(if start == GZIP_MAGIC { ".gz" } else { "" }),
        Verdict::Mismatch { found } => Err(Failure::Mirror(format!(
            "sent {received} bytes with SHA-256 {found} unpacked, not {}",
            file.sha256
        ))),
        // The path in the reason is that of a file which is about to vanish.
        Verdict::Damaged(_) | Verdict::Missing => Err(Failure::Mirror(format!(
            "sent {received} bytes that are damaged, cut short or too many"
        ))),
    }
}

#[cfg(test)]
mod tests;

//! Downloads from a real server on this machine, which misbehaves in every way that was met.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::published::sha256;
use super::*;

/// What the server does with a request.
#[derive(Clone)]
enum Reply {
    Send(Vec<u8>),
    Status(u16),
    /// Promises all of it and closes the connection in the middle.
    Cut(Vec<u8>),
    /// Closes in the middle with no length promised: it looks complete.
    CutUnseen(Vec<u8>),
    /// Sends half and then nothing, without closing.
    Stall(Vec<u8>),
    /// Sends zeros for as long as they are taken.
    Endless,
}

/// Serves `reply` for every path and gives its address; the thread ends with the test process.
fn serve(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/set/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that leaves early is part of the game.
            let _ = answer(stream.unwrap(), &reply);
        }
    });
    address
}

fn answer(mut stream: TcpStream, reply: &impl Fn(&str) -> Reply) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap()?;
    while !lines.next().unwrap()?.is_empty() {}
    let path = request.split(' ').nth(1).unwrap().trim_start_matches("/set/");
    let mut head = |status: u16, length: &str| {
        write!(stream, "HTTP/1.1 {status} X\r\nConnection: close\r\n{length}\r\n")
    };
    let length = |bytes: &[u8]| format!("Content-Length: {}\r\n", bytes.len());
    match reply(path) {
        Reply::Send(bytes) => {
            head(200, &length(&bytes))?;
            stream.write_all(&bytes)
        }
        Reply::Status(status) => head(status, &length(&[])),
        Reply::Cut(bytes) => {
            head(200, &length(&bytes))?;
            stream.write_all(&bytes[..bytes.len() / 2])
        }
        Reply::CutUnseen(bytes) => {
            head(200, "")?;
            stream.write_all(&bytes[..bytes.len() / 2])
        }
        Reply::Stall(bytes) => {
            head(200, &length(&bytes))?;
            stream.write_all(&bytes[..bytes.len() / 2])?;
            thread::sleep(Duration::from_secs(5));
            Ok(())
        }
        Reply::Endless => {
            head(200, "")?;
            loop {
                stream.write_all(&[0; 4096])?;
            }
        }
    }
}

/// The unpacked contents of a set of two files; the first is more than one read.
fn contents() -> BTreeMap<&'static str, Vec<u8>> {
    let noise = (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    BTreeMap::from([("images", noise), ("labels", b"some labels".to_vec())])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// The packed file that a request is for.
fn good(path: &str) -> Vec<u8> {
    gzip(&contents()[path.trim_end_matches(".gz")])
}

fn good_server() -> String {
    serve(|path| Reply::Send(good(path)))
}

fn set(mirrors: &[String]) -> Published {
    let files = contents().into_iter().map(|(name, bytes)| PublishedFile {
        name: name.into(),
        bytes: bytes.len() as u64,
        sha256: sha256(&bytes),
    });
    Published { name: "things".into(), files: files.collect(), mirrors: mirrors.to_vec() }
}

fn fetch_set(set: &Published, into: &Path) -> Result<Vec<Fetched>> {
    set.fetch_from(&agent(Duration::from_millis(500)), into, &mut |_| {})
}

fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn all_match(set: &Published, folder: &Path) {
    assert!(set.verify(folder).iter().all(|check| check.verdict == Verdict::Match));
}

/// Fetches from a mirror that replies so and fails; then with a good mirror behind it, and works.
#[track_caller]
fn fails_and_falls_back(because: &str, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) {
    falls_back_from(because, serve(reply));
}

#[track_caller]
fn falls_back_from(because: &str, bad: String) {
    let folder = tempfile::tempdir().unwrap();
    let error = fetch_set(&set(std::slice::from_ref(&bad)), folder.path()).unwrap_err();
    let line = error.to_string();
    assert!(matches!(error, Error::Network { .. }), "{line}");
    for part in [because, &bad, "images.gz (SHA-256 unpacked: ", "--data sample"] {
        assert!(line.contains(part), "{part:?} in {line:?}");
    }
    assert!(!line.contains('\n'), "{line:?} is not one line");
    assert_eq!(listing(folder.path()), [""; 0]);

    let set = set(&[bad, good_server()]);
    fetch_set(&set, folder.path()).unwrap();
    all_match(&set, folder.path());
    assert_eq!(listing(folder.path()), ["images.gz", "labels.gz"]);
}

#[test]
fn a_set_is_downloaded_as_it_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("new/folder");
    let mut seen = Vec::new();
    let set = set(&[good_server()]);
    let fetched =
        set.fetch(&into, &mut |p| seen.push((p.file.to_owned(), p.received, p.total))).unwrap();
    assert!(fetched.iter().all(|file| file.downloaded));
    assert_eq!(listing(&into), ["images.gz", "labels.gz"]);
    all_match(&set, &into);
    assert_eq!(fs::read(into.join("images.gz")).unwrap(), good("images"));
    let size = good("images").len() as u64;
    assert_eq!(seen.first(), Some(&("images".into(), 0, Some(size))));
    assert!(seen.contains(&("images".into(), size, Some(size))));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let ordinary = fs::File::create(into.join("ordinary")).unwrap();
        let mode = |facts: fs::Metadata| facts.permissions().mode();
        let expected = mode(ordinary.metadata().unwrap());
        assert_eq!(mode(fs::metadata(into.join("images.gz")).unwrap()), expected);
    }
}

#[test]
fn a_missing_file_sends_to_the_next_mirror() {
    fails_and_falls_back("404", |_| Reply::Status(404));
}

#[test]
fn a_wrong_hash_sends_to_the_next_mirror() {
    let found = sha256(b"something else");
    fails_and_falls_back(&found, |_| Reply::Send(gzip(b"something else")));
}

#[test]
fn a_cut_connection_sends_to_the_next_mirror() {
    fails_and_falls_back("disconnected", |path| Reply::Cut(good(path)));
    fails_and_falls_back("damaged, cut short", |path| Reply::CutUnseen(good(path)));
}

#[test]
fn a_silent_server_is_left() {
    fails_and_falls_back("timeout", |path| Reply::Stall(good(path)));
}

#[test]
fn a_refused_connection_sends_to_the_next_mirror() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    falls_back_from("refused", format!("http://{free}"));
}

#[test]
fn garbage_sends_to_the_next_mirror() {
    fails_and_falls_back("damaged", |_| Reply::Send(b"\x1f\x8b and no gzip behind it".to_vec()));
    let page = b"<html>Please log in to this network</html>";
    fails_and_falls_back("bytes with SHA-256", |_| Reply::Send(page.to_vec()));
}

#[test]
fn an_endless_answer_and_a_bomb_are_stopped() {
    fails_and_falls_back("sends more than", |_| Reply::Endless);
    fails_and_falls_back("damaged", |_| Reply::Send(gzip(&vec![0; 32 << 20])));
}

#[test]
fn the_failure_of_a_later_file_leaves_the_earlier_ones() {
    let bad = serve(|path| match path {
        "images.gz" => Reply::Send(good(path)),
        _ => Reply::Status(503),
    });
    let folder = tempfile::tempdir().unwrap();
    let error = fetch_set(&set(&[bad]), folder.path()).unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
    assert_eq!(listing(folder.path()), ["images.gz"]);
    // The next attempt asks only for what is missing.
    let rest = serve(|path| match path {
        "labels.gz" => Reply::Send(good(path)),
        _ => Reply::Status(500),
    });
    let fetched = fetch_set(&set(&[rest]), folder.path()).unwrap();
    assert_eq!(fetched.iter().map(|f| f.downloaded).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_server_that_unpacks_gives_a_plain_file() {
    let plain = serve(|path| Reply::Send(contents()[path.trim_end_matches(".gz")].clone()));
    let folder = tempfile::tempdir().unwrap();
    let set = set(&[plain]);
    fetch_set(&set, folder.path()).unwrap();
    assert_eq!(listing(folder.path()), ["images", "labels"]);
    all_match(&set, folder.path());
}

#[test]
fn what_is_there_and_right_is_kept_and_a_torso_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("labels"), &contents()["labels"]).unwrap();
    fs::write(path("images"), &contents()["images"][..1000]).unwrap();
    let set = set(&[good_server()]);
    let fetched = fetch_set(&set, folder.path()).unwrap();
    assert_eq!(
        fetched,
        [
            Fetched { path: path("images.gz"), downloaded: true },
            Fetched { path: path("labels"), downloaded: false },
        ]
    );
    assert_eq!(listing(folder.path()), ["images.gz", "labels"]);
    all_match(&set, folder.path());

    // All there: no mirror is needed.
    let offline = Published { mirrors: vec![], ..set };
    assert!(fetch_set(&offline, folder.path()).unwrap().iter().all(|file| !file.downloaded));
}

#[test]
fn a_torso_stays_until_its_replacement_is_here() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("images"), b"torso").unwrap();
    fetch_set(&set(&[serve(|_| Reply::Status(404))]), folder.path()).unwrap_err();
    assert_eq!(fs::read(folder.path().join("images")).unwrap(), b"torso");
}

#[test]
fn data_of_ones_own_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("labels.gz");
    let array = idx::IdxArray { shape: vec![3], data: idx::IdxData::U8(vec![1, 2, 3]) };
    idx::write(&own, &array).unwrap();
    let line = fetch_set(&set(&[good_server()]), folder.path()).unwrap_err().to_string();
    assert!(line.contains("labels.gz: is in the way"), "{line}");
    assert_eq!(idx::read(&own).unwrap(), array);
    assert_eq!(listing(folder.path()), ["labels.gz"]);
}

#[test]
fn a_set_without_mirrors_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let line = fetch_set(&set(&[]), folder.path()).unwrap_err().to_string();
    assert!(line.contains("no mirror of things"), "{line}");
}

#[test]
fn fetch_by_name_asks_the_mirrors_that_are_given() {
    let bad = serve(|path| match path {
        "train-images-idx3-ubyte.gz" => Reply::Status(418),
        _ => Reply::Status(500),
    });
    let folder = tempfile::tempdir().unwrap();
    let get = |name: &str| fetch(name, folder.path(), std::slice::from_ref(&bad), &mut |_| {});
    let line = get("mnist").unwrap_err().to_string();
    assert!(line.contains("418") && !line.contains("ossci"), "{line}");
    for file in Published::mnist().files {
        assert!(line.contains(&file.sha256), "{line}");
    }
    let line = get("fashion-mnist").unwrap_err().to_string();
    assert!(line.contains("dataset-fashion-mnist"), "{line}");
    let line = get("minst").unwrap_err().to_string();
    assert!(line.contains("did you mean \"mnist\"?"), "{line}");
}

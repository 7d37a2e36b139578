//! The program, run as a user would.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The token that every test uses; it must never be seen anywhere.
pub(crate) const TOKEN: &str = "user:1234-secret-token";

/// The program with nothing but a token in its environment.
pub(crate) fn program() -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_element-mirror"));
    command.env_clear().env("USEAPI_TOKEN", TOKEN);
    Program(command)
}

/// The program under another umask.
pub(crate) fn program_with_umask(umask: &str) -> Program {
    let mut command = Command::new("/bin/sh");
    command.env_clear().env("USEAPI_TOKEN", TOKEN);
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_element-mirror")]);
    Program(command)
}

/// The program and its arguments.
pub(crate) struct Program(Command);

impl Program {
    /// `run` against `upstream` into `out`, with its loopback assets allowed and quick to fail.
    pub(crate) fn run(self, upstream: &super::Upstream, out: &Path) -> Self {
        self.run_guarded(upstream, out).arg("--allow-private-assets")
    }

    /// `run` against `upstream` into `out`, quick to fail, and with its loopback assets refused.
    pub(crate) fn run_guarded(self, upstream: &super::Upstream, out: &Path) -> Self {
        // By the environment, so that a test may say another number on the command line.
        self.env("ELEMENT_MIRROR_RETRIES", "1").args(["run", "--api-base", &upstream.api(), "-o"]).arg(out)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    pub(crate) fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.0.args(args);
        self
    }

    /// An ID each.
    pub(crate) fn ids<T: AsRef<str>>(self, ids: impl IntoIterator<Item = T>) -> Self {
        ids.into_iter().fold(self, |program, id| program.args(["--id", id.as_ref()]))
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    pub(crate) fn current_dir(mut self, dir: &Path) -> Self {
        self.0.current_dir(dir);
        self
    }

    /// Starts it by a shell that says `before` first: limits, a umask.
    pub(crate) fn through_shell(self, before: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{before} && exec \"$0\" \"$@\"")]);
        command.arg(self.0.get_program()).args(self.0.get_args());
        command.env_clear().envs(self.0.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self(command)
    }

    /// Runs it to its end and writes its system `calls` to `log`; none, and said loudly, where that is not possible.
    pub(crate) fn traced(self, log: &Path, calls: &str) -> Option<Outcome> {
        let traced = self.under_strace(["-s", "200", "-e", &format!("trace={calls}"), "-o", log.to_str().unwrap()]);
        Some(traced?.output())
    }

    /// The same under strace: to watch its system calls, or to make them fail. None, and said loudly, where that is not
    /// possible.
    pub(crate) fn under_strace<T: AsRef<OsStr>>(self, args: impl IntoIterator<Item = T>) -> Option<Self> {
        let strace = |program: &Command| {
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-y"]);
            command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
            command
        };
        match strace(&self.0).args(["-o", "/dev/null", "true"]).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => return super::skipped(&format!("strace: {}", String::from_utf8_lossy(&output.stderr))),
            Err(error) => return super::skipped(&format!("strace: {error}")),
        }
        let mut command = strace(&self.0);
        command.args(args).arg(self.0.get_program()).args(self.0.get_args());
        Some(Self(command))
    }

    /// The same, one kind of system call failing: `fault` is `fsync:error=EIO:when=1`, say, of those calls that are about
    /// one of `paths`, which a call names or has open.
    pub(crate) fn failing(self, fault: &str, paths: &[&str]) -> Option<Self> {
        let call = fault.split(':').next().unwrap_or_default();
        let (trace, inject) = (format!("trace={call}"), format!("inject={fault}"));
        let about = paths.iter().flat_map(|path| ["-P", path]);
        let args: Vec<&str> = ["-e", &trace, "-e", &inject, "-o", "/dev/null"].into_iter().chain(about).collect();
        self.under_strace(args)
    }

    /// As somebody who may not write everywhere: where the tests run as root, as nobody, by a copy in `folder`.
    pub(crate) fn run_by_nobody(mut self, folder: &Path) -> Self {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
        use std::os::unix::process::CommandExt as _;
        if folder.metadata().unwrap().uid() != 0 {
            return self;
        }
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
        let copy = folder.join("program");
        if !copy.exists() {
            std::fs::copy(self.0.get_program(), &copy).unwrap();
        }
        let mut command = Command::new(copy);
        command.args(self.0.get_args()).env_clear();
        command.envs(self.0.get_envs().filter_map(|(name, value)| Some((name, value?)))).uid(65534);
        self.0 = command;
        self
    }

    /// Runs it to its end, with nothing on standard input.
    pub(crate) fn output(mut self) -> Outcome {
        let child = self.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Outcome::of(end_of(child))
    }

    /// Runs it to its end with `input` on standard input.
    pub(crate) fn output_with(mut self, input: impl AsRef<[u8]>) -> Outcome {
        let mut child = self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_vec();
        let writing = std::thread::spawn(move || {
            // The program may end before it has read all.
            let _ = stdin.write_all(&input);
        });
        let output = end_of(child);
        writing.join().unwrap();
        Outcome::of(output)
    }

    /// Runs it to its end with these as standard input and output.
    pub(crate) fn output_through(mut self, input: impl Into<Stdio>, output: impl Into<Stdio>) -> Outcome {
        let child = self.0.stdin(input).stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        Outcome::of(end_of(child))
    }

    /// Runs it to its end with a terminal as standard error.
    pub(crate) fn output_on_terminal(mut self) -> Outcome {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let other_end = File::options().read(true).write(true).open(name).unwrap();
        let child = self.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(other_end).spawn().unwrap();
        // The program's end is the only one left open, so that reading ends with it: in an error, as terminals do.
        drop(self);
        let mut shown = Vec::new();
        let _ = File::from(terminal).read_to_end(&mut shown);
        Outcome::of(Output { stderr: shown, ..end_of(child) })
    }

    /// Runs it with the report on standard output, and gives what came.
    pub(crate) fn report(self) -> Outcome {
        self.args(["--report", "-"]).output()
    }

    /// Starts it, with all three streams as pipes.
    pub(crate) fn spawn(mut self) -> Running {
        let child = self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running(child, Cell::new(false))
    }
}

/// What a program says to its end, which comes by force after two minutes: a test is to fail, not to hang.
fn end_of(child: Child) -> Output {
    let pid = child.id().to_string();
    let (ended, end) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if end.recv_timeout(Duration::from_secs(120)) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watchdog.join().unwrap();
    output
}

/// The program while it runs, and whether it was sent a signal; it is killed when a test fails.
pub(crate) struct Running(pub(crate) Child, Cell<bool>);

impl Running {
    /// Sends a signal: `INT`, `TERM`, `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.1.set(true);
    }

    /// Sends a signal to who holds the lock of `mirror`: the program, where it runs below strace.
    pub(crate) fn signal_locked(&self, mirror: &super::MirrorDir, name: &str) {
        let lock: Value = serde_json::from_slice(&mirror.read(".element-mirror/lock")).unwrap();
        let sent = Command::new("kill").args([format!("-{name}"), lock["pid"].to_string()]).status().unwrap();
        assert!(sent.success());
        self.1.set(true);
    }

    /// Writes to its standard input, which stays open.
    pub(crate) fn write(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// The next line of its standard output.
    pub(crate) fn read_line(&mut self) -> String {
        let stdout = self.0.stdout.as_mut().unwrap();
        let (mut line, mut byte) = (Vec::new(), [0]);
        // A byte at a time: what follows is left for `end_within`.
        while stdout.read(&mut byte).unwrap() > 0 && byte != [b'\n'] {
            line.extend(byte);
        }
        String::from_utf8(line).unwrap()
    }

    /// Waits until it, or the program that it is the strace of, has `path` open.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait_until_open(&self, path: &Path) {
        let path = path.canonicalize().unwrap();
        let own = self.0.id().to_string();
        let opened = || {
            let below = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
            let pid = below.split(' ').next().filter(|pid| !pid.is_empty()).unwrap_or(&own).to_owned();
            let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
            files.filter_map(|file| file.ok()?.path().read_link().ok()).collect::<Vec<_>>()
        };
        let started = Instant::now();
        while !opened().contains(&path) {
            assert!(started.elapsed() < Duration::from_secs(30), "{} is never opened", path.display());
        }
    }

    /// The most memory that it has held in RAM so far, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
        peak.parse::<u64>().unwrap() << 10
    }

    /// Waits for its end, at most so long, and says whether it came.
    pub(crate) fn ended_within(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            if start.elapsed() >= limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Waits for its end, at most so long. Its standard input ends, unless a signal is to end it.
    pub(crate) fn end_within(mut self, limit: Duration) -> Outcome {
        let _open = self.0.stdin.take().filter(|_| self.1.get());
        assert!(self.ended_within(limit), "the program did not end within {limit:?}");
        let mut output = Output { status: self.0.wait().unwrap(), stdout: Vec::new(), stderr: Vec::new() };
        for (pipe, bytes) in [
            (self.0.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read>), &mut output.stdout),
            (self.0.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read>), &mut output.stderr),
        ] {
            if let Some(mut pipe) = pipe {
                pipe.read_to_end(bytes).unwrap();
            }
        }
        Outcome::of(output)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code, or 128 and the signal that killed it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what the program says is UTF-8");
        let outcome = Self { code, stdout: text(output.stdout), stderr: text(output.stderr) };
        for said in [&outcome.stdout, &outcome.stderr] {
            assert!(!said.contains("secret-token"), "the token was said: {said}");
            assert!(!said.contains("panicked"), "it panicked: {said}");
        }
        outcome
    }

    /// The same, if it ended with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The report's lines.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The objects on standard error, with `--log-format json`.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    /// The report's line about `id`.
    #[track_caller]
    pub(crate) fn line(&self, id: &str) -> Value {
        let mut lines = self.lines().into_iter().filter(|line| line["id"] == id);
        let line = lines.next().unwrap_or_else(|| panic!("no line about {id} in {}", self.stdout));
        assert_eq!(lines.next(), None, "two lines about {id}");
        line
    }

    /// The status of `id` in the report.
    #[track_caller]
    pub(crate) fn status(&self, id: &str) -> String {
        self.line(id)["status"].as_str().unwrap().to_owned()
    }

    /// The kind of the error of `id` in the report.
    #[track_caller]
    pub(crate) fn error_kind(&self, id: &str) -> String {
        self.line(id)["error"]["kind"].as_str().unwrap_or_default().to_owned()
    }
}

//! What came of a run, as numbers in the text format of Prometheus: a pure function. The names are documented in
//! `docs/format.md`.

use std::fmt::{Display, Write as _};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::event::Counters;
use crate::outcome::{Status, Summary};

/// The statuses that are always told, so that no series comes and goes.
const ALWAYS: [Status; 6] =
    [Status::Created, Status::Updated, Status::Unchanged, Status::Gone, Status::Incomplete, Status::Failed];

const LAST_SUCCESS: &str = "element_mirror_last_success_timestamp_seconds";

/// What is known of a run when it is over.
pub struct Metrics<'a> {
    /// The fold of its outcomes; an empty one where it could not even begin.
    pub summary: &'a Summary,
    /// What it counted on the way.
    pub counters: &'a Counters,
    /// How long it took, waiting for a lock included.
    pub duration: Duration,
    /// The process' exit code.
    pub exit_code: u8,
    /// When a run last ended with exit code 0, in seconds since 1970.
    pub last_success: Option<String>,
}

impl Metrics<'_> {
    /// The text, ready to be written.
    pub fn render(&self) -> String {
        let Self { summary, counters, .. } = self;
        let mut text = Text::default();
        let statuses =
            ALWAYS.into_iter().chain(summary.counts.keys().copied().filter(|status| !ALWAYS.contains(status)));
        let elements = statuses.map(|status| (Some(("status", status.as_str().to_owned())), summary.count(status)));
        text.gauge(
            "element_mirror_elements",
            "Elements and bad lines that were taken up, by what came of them.",
            elements,
        );
        let errors = summary.errors().into_iter().map(|(kind, count)| (Some(("kind", kind.to_string())), count));
        text.gauge(
            "element_mirror_errors",
            "Elements and bad lines that failed or lack something, by the kind of error; what is accepted is left out.",
            errors,
        );
        text.number("element_mirror_downloaded_bytes", "Bytes of the assets that were downloaded.", summary.bytes);
        let requests = [("api", &counters.api_requests), ("cdn", &counters.cdn_requests)]
            .map(|(target, sent)| (Some(("target", target.to_owned())), sent.load(Relaxed)));
        text.gauge("element_mirror_requests", "Requests sent; each redirect followed is one more.", requests);
        let help = "Requests sent again, after a passing failure or a pause that the API asked for (429).";
        text.number("element_mirror_retries", help, counters.retries.load(Relaxed));
        let help = "How long it took, waiting for another run on the destination included.";
        text.number("element_mirror_duration_seconds", help, self.duration.as_secs_f64());
        text.number("element_mirror_exit_code", "The exit code.", self.exit_code);
        let help = "Elements that the lists name, as far as they were read, and that were not taken up.";
        text.number("element_mirror_not_taken_up", help, summary.not_taken_up);
        if let Some(time) = &self.last_success {
            text.number(LAST_SUCCESS, "When the exit code was 0 last, in seconds since 1970.", time);
        }
        text.0
    }
}

/// When a run last ended with exit code 0, as the `text` of an earlier file says it.
pub fn last_success(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(LAST_SUCCESS)?.strip_prefix(' '))?.trim();
    value.parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    Some(value.to_owned())
}

/// The text format.
#[derive(Default)]
struct Text(String);

/// A label's name and value.
type Label = (&'static str, String);

impl Text {
    fn number(&mut self, name: &str, help: &str, value: impl Display) {
        self.gauge(name, help, [(None, value)]);
    }

    fn gauge<V: Display>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Option<Label>, V)>) {
        // Nothing fails that writes into a string.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (label, value) in samples {
            let label = label.map(|(label, value)| format!("{{{label}=\"{}\"}}", escaped(&value))).unwrap_or_default();
            let _ = writeln!(self.0, "{name}{label} {value}");
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Failure};
    use crate::outcome::ElementOutcome;

    fn rendered(outcomes: &[(Status, Option<ErrorKind>)], last_success: Option<&str>) -> String {
        let mut summary = Summary::default();
        for (status, kind) in outcomes {
            let error = kind.map(|kind| Failure::new(kind, "words"));
            summary.add(&ElementOutcome { error, bytes: Some(1000), ..ElementOutcome::new(None, *status) });
        }
        let counters = Counters::default();
        for (counter, number) in [(&counters.api_requests, 3), (&counters.cdn_requests, 5), (&counters.retries, 2)] {
            counter.store(number, Relaxed);
        }
        summary.not_taken_up = 6;
        let (duration, last_success) = (Duration::from_millis(2500), last_success.map(str::to_owned));
        Metrics { summary: &summary, counters: &counters, duration, exit_code: summary.exit_code(), last_success }
            .render()
    }

    #[test]
    fn a_run_is_told_in_numbers() {
        let outcomes = [
            (Status::Created, None),
            (Status::Created, None),
            (Status::Failed, Some(ErrorKind::Http(503))),
            (Status::Damaged, Some(ErrorKind::Damaged)),
        ];
        insta::assert_snapshot!(rendered(&outcomes, Some("1795420800")), @r#"
        # HELP element_mirror_elements Elements and bad lines that were taken up, by what came of them.
        # TYPE element_mirror_elements gauge
        element_mirror_elements{status="created"} 2
        element_mirror_elements{status="updated"} 0
        element_mirror_elements{status="unchanged"} 0
        element_mirror_elements{status="gone"} 0
        element_mirror_elements{status="incomplete"} 0
        element_mirror_elements{status="failed"} 1
        element_mirror_elements{status="damaged"} 1
        # HELP element_mirror_errors Elements and bad lines that failed or lack something, by the kind of error; what is accepted is left out.
        # TYPE element_mirror_errors gauge
        element_mirror_errors{kind="http_503"} 1
        element_mirror_errors{kind="damaged"} 1
        # HELP element_mirror_downloaded_bytes Bytes of the assets that were downloaded.
        # TYPE element_mirror_downloaded_bytes gauge
        element_mirror_downloaded_bytes 4000
        # HELP element_mirror_requests Requests sent; each redirect followed is one more.
        # TYPE element_mirror_requests gauge
        element_mirror_requests{target="api"} 3
        element_mirror_requests{target="cdn"} 5
        # HELP element_mirror_retries Requests sent again, after a passing failure or a pause that the API asked for (429).
        # TYPE element_mirror_retries gauge
        element_mirror_retries 2
        # HELP element_mirror_duration_seconds How long it took, waiting for another run on the destination included.
        # TYPE element_mirror_duration_seconds gauge
        element_mirror_duration_seconds 2.5
        # HELP element_mirror_exit_code The exit code.
        # TYPE element_mirror_exit_code gauge
        element_mirror_exit_code 3
        # HELP element_mirror_not_taken_up Elements that the lists name, as far as they were read, and that were not taken up.
        # TYPE element_mirror_not_taken_up gauge
        element_mirror_not_taken_up 6
        # HELP element_mirror_last_success_timestamp_seconds When the exit code was 0 last, in seconds since 1970.
        # TYPE element_mirror_last_success_timestamp_seconds gauge
        element_mirror_last_success_timestamp_seconds 1795420800
        "#);
    }

    #[test]
    fn what_did_not_occur_is_zero_or_left_out() {
        let text = rendered(&[], None);
        for status in ALWAYS {
            let line = format!("element_mirror_elements{{status=\"{}\"}} 0", status.as_str());
            assert!(text.lines().any(|other| other == line), "{line}");
        }
        for absent in ["damaged", "kind=", "last_success"] {
            assert!(!text.contains(absent), "{absent}: {text}");
        }
    }

    #[test]
    fn the_last_success_is_read_back_where_it_is_a_number() {
        assert_eq!(last_success(&rendered(&[], Some("1795420800.5"))).as_deref(), Some("1795420800.5"));
        for bad in ["", "soon", "NaN", "+Inf", "1 2"] {
            assert_eq!(last_success(&format!("element_mirror_last_success_timestamp_seconds {bad}\n")), None, "{bad}");
        }
        assert_eq!(last_success("element_mirror_last_success_timestamp_seconds_total 5\n"), None);
        assert_eq!(last_success(""), None);
    }

    #[test]
    fn a_labels_value_can_not_break_its_line() {
        let mut text = Text::default();
        text.gauge("name", "Help.", [(Some(("label", "a\"b\\c\nd".to_owned())), 1)]);
        assert_eq!(text.0.lines().nth(2), Some(r#"name{label="a\"b\\c\nd"} 1"#));
    }
}

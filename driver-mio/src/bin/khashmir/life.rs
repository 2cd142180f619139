//! What becomes of a running node when a signal comes: it takes over settings that have changed, or says
//! how it stands.

use khashmir_mio::{Gone, Handle};
use tracing::{info, warn};

use crate::args::NodeArgs;
use crate::log::Log;
use crate::output;
use crate::screen;
use crate::settings::Settings;
use crate::systemd;

/// Reads the settings again, takes over what can change while the node runs, and says what cannot. Of a file
/// with mistakes nothing is taken over.
pub(crate) fn reload(
    args: &NodeArgs,
    settings: &mut Settings,
    node: &Handle,
    log: &Log,
) -> Result<(), Gone> {
    systemd::reloading();
    match Settings::of(args) {
        Err(why) => warn!(target: "settings", "everything stays as it is: {why}"),
        Ok(_) if args.config.is_none() => {
            info!(target: "settings", "there is no configuration file to read again");
        }
        Ok(now) => take_over(settings, now, node, log)?,
    }
    systemd::ready();
    Ok(())
}

fn take_over(settings: &mut Settings, now: Settings, node: &Handle, log: &Log) -> Result<(), Gone> {
    let fixed = settings.need_a_restart(&now);
    let mut taken = Vec::new();
    if settings.log_level != now.log_level {
        log.set_level(now.log_level);
        settings.log_level = now.log_level;
        taken.push("log_level");
    }
    if settings.alone != now.alone {
        settings.alone = now.alone;
        taken.push("alone");
    }
    if settings.bootstrap != now.bootstrap {
        settings.bootstrap = now.bootstrap;
        node.bootstrap(settings.bootstrap.clone())?;
        taken.push("bootstrap");
    }
    let taken = match taken.as_slice() {
        [] => "nothing".to_owned(),
        taken => taken.join(", "),
    };
    info!(target: "settings", "the settings were read again; taken over: {taken}");
    if !fixed.is_empty() {
        let fixed = fixed.join(", ");
        warn!(target: "settings", "a restart is needed for these to change: {fixed}");
    }
    Ok(())
}

/// Says on standard error how the node stands.
pub(crate) fn show(settings: &Settings, node: &Handle) -> Result<(), Gone> {
    for line in screen::of(node, settings.log_format)?.lines() {
        output::note(line);
    }
    Ok(())
}

//! `khashmir backup`: copies the state of a node that may be running.

use khashmir_mio::Database;

use crate::args::BackupArgs;
use crate::data_dir::refused;
use crate::failure::Failure;

pub(crate) fn run(args: &BackupArgs) -> Result<(), Failure> {
    if !Database::is_in(&args.dir) {
        let dir = args.dir.display();
        return Err(Failure::Usage(format!("there is no node in {dir}")));
    }
    Database::backup(&args.dir, &args.file).map_err(|error| refused(&error))
}

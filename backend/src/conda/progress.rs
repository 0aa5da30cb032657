//! Tells what the installer does, one line for each step.

use std::sync::Mutex;

use rattler::install::{Reporter, Transaction};
use rattler_conda_types::{PrefixRecord, RepoDataRecord};

/// Prints lines to standard output.
#[derive(Default)]
pub(super) struct Progress {
    /// The packages whose cache entries are being filled, by index.
    filling: Mutex<Vec<String>>,
}

impl Progress {
    fn name(record: &RepoDataRecord) -> String {
        let package = &record.package_record;
        format!("{} {} {}", package.name.as_normalized(), package.version, package.build)
    }
}

impl Reporter for Progress {
    fn on_transaction_start(&self, transaction: &Transaction<PrefixRecord, RepoDataRecord>) {
        println!("Packages to install: {}", transaction.packages_to_install());
    }

    fn on_populate_cache_start(&self, _: usize, record: &RepoDataRecord) -> usize {
        let mut filling = self.filling.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        filling.push(Self::name(record));
        filling.len() - 1
    }

    fn on_download_start(&self, entry: usize) -> usize {
        let filling = self.filling.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(name) = filling.get(entry) {
            println!("Downloading {name}");
        }
        entry
    }

    fn on_link_start(&self, operation: usize, record: &RepoDataRecord) -> usize {
        println!("Installing {}", Self::name(record));
        operation
    }

    fn on_unlink_start(&self, operation: usize, record: &PrefixRecord) -> usize {
        println!("Removing {}", Self::name(&record.repodata_record));
        operation
    }

    fn on_post_link_start(&self, package: &str, _: &str) -> usize {
        println!("Running the post-link script of {package}");
        0
    }

    fn on_post_link_complete(&self, _: usize, success: bool) {
        if !success {
            println!("warning: a post-link script failed");
        }
    }

    fn on_pre_unlink_start(&self, package: &str, _: &str) -> usize {
        println!("Running the pre-unlink script of {package}");
        0
    }

    fn on_transaction_operation_start(&self, _: usize) {}
    fn on_validate_start(&self, entry: usize) -> usize {
        entry
    }
    fn on_validate_complete(&self, _: usize) {}
    fn on_download_progress(&self, _: usize, _: u64, _: Option<u64>) {}
    fn on_download_completed(&self, _: usize) {}
    fn on_populate_cache_complete(&self, _: usize) {}
    fn on_unlink_complete(&self, _: usize) {}
    fn on_link_complete(&self, _: usize) {}
    fn on_transaction_operation_complete(&self, _: usize) {}
    fn on_transaction_complete(&self) {}
    fn on_pre_unlink_complete(&self, _: usize, _: bool) {}
}

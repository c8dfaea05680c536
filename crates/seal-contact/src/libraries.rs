//! What CUDA's backend loads when it runs: the driver, the compiler of kernels and its headers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file that CUDA's backend needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    /// What it is.
    pub(crate) what: &'static str,
    /// Where it was found.
    pub(crate) found: Option<PathBuf>,
    /// What to type where it was not.
    pub(crate) remedy: &'static str,
}

const DRIVER: &str = "install NVIDIA's driver (`nvidia-smi` then shows the GPUs); a container must be given \
                      the GPUs of its host";
const COMPILER: &str = "libnvrtc: python3 -m venv cuda && cuda/bin/pip install nvidia-cuda-nvrtc-cu12, then \
                        export LD_LIBRARY_PATH=$(echo $PWD/cuda/lib/python3*/site-packages/nvidia/cuda_nvrtc/lib)";
const HEADERS: &str = "headers of CUDA: python3 -m venv cuda && cuda/bin/pip install nvidia-cuda-runtime-cu12, \
                       then export CUDA_PATH=$(echo $PWD/cuda/lib/python3*/site-packages/nvidia/cuda_runtime)";

/// Looks for all of them.
pub(crate) fn needed_by_cuda() -> Vec<Needed> {
    let listing = Command::new("ldconfig").arg("-p").stdin(Stdio::null()).output();
    let listing = listing.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    // Where it cannot be asked, folders are looked through all the same.
    let listing = listing.unwrap_or_default();
    let folders = folders(std::env::var_os("LD_LIBRARY_PATH").as_deref());
    let library = |start: &str| in_listing(&listing, start).or_else(|| in_folders(&folders, start));
    let roots = std::env::var_os("CUDA_PATH").map(PathBuf::from).into_iter();
    let roots = roots.chain(["/usr/local/cuda", "/opt/cuda"].map(PathBuf::from));
    vec![
        Needed { what: "driver (libcuda.so)", found: library("libcuda.so"), remedy: DRIVER },
        Needed {
            what: "compiler of kernels (libnvrtc.so)",
            found: library("libnvrtc.so"),
            remedy: COMPILER,
        },
        Needed { what: "its headers ($CUDA_PATH/include)", found: headers(roots), remedy: HEADERS },
    ]
}

fn folders(variable: Option<&std::ffi::OsStr>) -> Vec<PathBuf> {
    let named = variable.map(|list| std::env::split_paths(list).collect()).unwrap_or_default();
    let usual = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib"];
    Vec::into_iter(named).chain(usual.map(PathBuf::from)).collect()
}

/// The path of a library in a listing of `ldconfig`: `libcuda.so.1 (libc6,x86-64) => /usr/lib/...`.
fn in_listing(listing: &str, start: &str) -> Option<PathBuf> {
    let line = listing.lines().find(|line| line.trim_start().starts_with(start))?;
    line.split_once("=> ").map(|(_, path)| PathBuf::from(path.trim()))
}

fn in_folders(folders: &[PathBuf], start: &str) -> Option<PathBuf> {
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_it = |path: &PathBuf| {
            path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(start))
        };
        if let Some(first) = names.filter(is_it).min() {
            return Some(first);
        }
    }
    None
}

/// The first folder with the headers that kernels include.
fn headers(roots: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let has_all = |folder: &Path| {
        ["cuda_fp16.h", "cuda_bf16.h"].iter().all(|name| folder.join(name).is_file())
    };
    roots.map(|root| root.join("include")).find(|folder| has_all(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_in_a_listing_and_in_a_folder() {
        let listing = "2 libs found\n\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/libcuda.so.1\n";
        assert_eq!(in_listing(listing, "libcuda.so"), Some("/usr/lib/libcuda.so.1".into()));
        assert_eq!(in_listing(listing, "libnvrtc.so"), None);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("libnvrtc.so.12"), "").unwrap();
        let folders = folders(Some(dir.path().as_os_str()));
        let found = in_folders(&folders[..1], "libnvrtc.so");
        assert_eq!(found, Some(dir.path().join("libnvrtc.so.12")));
    }

    #[test]
    fn headers_are_a_folder_with_all_of_them() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("include")).unwrap();
        let root = || std::iter::once(dir.path().to_owned());
        std::fs::write(dir.path().join("include/cuda_fp16.h"), "").unwrap();
        assert_eq!(headers(root()), None);
        std::fs::write(dir.path().join("include/cuda_bf16.h"), "").unwrap();
        assert_eq!(headers(root()), Some(dir.path().join("include")));
    }
}

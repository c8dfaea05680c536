//! A CUDA driver that runs no kernel. It stands in for `libcuda.so` on a machine without a GPU,
//! so that the whole host side of the CUDA backend runs: kernels are generated, compiled by the
//! real NVRTC, loaded and launched; memory is allocated and freed; copies and waits are asked for.
//! Nothing is computed: reads of device memory give zeros.
//!
//! The driver counts. `run.py` beside this file builds it, runs the program on it and reads the
//! trace. It has no dependency: `rustc --edition 2024 -O --crate-type cdylib driver.rs`.
//!
//! Variables of the environment:
//! - `DRY_CUDA_TRACE`: the file that gets one line an event. Without it, nothing is written.
//! - `DRY_CUDA_PTX`: a folder that gets the PTX of each module, `0.ptx` and so on.
//! - `DRY_CUDA_ARCH`: the compute capability, `90` unless it is said.
//! - `DRY_CUDA_GIB`: memory of the device, `80` unless it is said.
//! - `DRY_CUDA_DEVICES`: how many devices, `1` unless it is said.
//! - `DRY_CUDA_FAIL`: `CALL:N:CODE`, the N-th call of CALL (`init`, `alloc`, `load`, `launch`,
//!   `copy`, `wait`) fails with the driver's error CODE, and so do all after it.

#![allow(non_snake_case, reason = "the names are those of the CUDA driver API")]
#![allow(clippy::missing_safety_doc, reason = "the CUDA driver API documents them")]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::{LazyLock, Mutex, MutexGuard};

type Status = c_int;

const SUCCESS: Status = 0;
const INVALID_VALUE: Status = 1;
const OUT_OF_MEMORY: Status = 2;
const NOT_FOUND: Status = 500;

/// Addresses of device memory: far from any of the host, each block 2 MiB apart at least.
const FIRST_ADDRESS: u64 = 0x7000_0000_0000;
const GRANULE: u64 = 2 << 20;

/// A kernel, as its PTX declares it.
struct Kernel {
    name: String,
    /// Bytes of each parameter.
    params: Vec<usize>,
}

struct Driver {
    trace: Option<BufWriter<File>>,
    arch: i32,
    memory: u64,
    devices: c_int,
    /// Call, how many more of it succeed, the code.
    fail: Option<(String, u64, Status)>,
    /// Sizes of blocks of device memory, by address.
    blocks: BTreeMap<u64, u64>,
    /// Sizes of pinned blocks of the host, by address.
    pinned: BTreeMap<usize, usize>,
    in_use: u64,
    peak: u64,
    next_address: u64,
    next_handle: usize,
    modules: BTreeMap<usize, Vec<Kernel>>,
    /// Kernels by handle: module and place in it.
    functions: BTreeMap<usize, (usize, usize)>,
}

static DRIVER: LazyLock<Mutex<Driver>> = LazyLock::new(|| {
    let read = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no whole number: {text}")),
        Err(_) => default,
    };
    let trace = std::env::var_os("DRY_CUDA_TRACE")
        .map(|path| BufWriter::new(File::create(path).expect("the trace can be written")));
    let fail = std::env::var("DRY_CUDA_FAIL").ok().map(|text| {
        let parts: Vec<&str> = text.split(':').collect();
        let [call, n, code] = parts[..] else { panic!("DRY_CUDA_FAIL is no CALL:N:CODE: {text}") };
        let number = |part: &str| part.parse::<u64>().expect("numbers in DRY_CUDA_FAIL");
        (call.to_owned(), number(n).saturating_sub(1), number(code) as Status)
    });
    Mutex::new(Driver {
        trace,
        arch: read("DRY_CUDA_ARCH", 90) as i32,
        memory: read("DRY_CUDA_GIB", 80) << 30,
        devices: read("DRY_CUDA_DEVICES", 1) as c_int,
        fail,
        blocks: BTreeMap::new(),
        pinned: BTreeMap::new(),
        in_use: 0,
        peak: 0,
        next_address: FIRST_ADDRESS,
        next_handle: 1,
        modules: BTreeMap::new(),
        functions: BTreeMap::new(),
    })
});

fn driver() -> MutexGuard<'static, Driver> {
    DRIVER.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Driver {
    /// Writes a line of the trace. It is flushed at each wait, so that a killed run leaves one.
    fn note(&mut self, line: std::fmt::Arguments<'_>) {
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{line}").expect("the trace can be written");
        }
    }

    fn flush(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.flush().expect("the trace can be written");
        }
    }

    /// Whether `call` has to fail now, and how.
    fn fails(&mut self, call: &str) -> Option<Status> {
        let (of, left, code) = self.fail.as_mut()?;
        if of != call {
            return None;
        }
        if *left > 0 {
            *left -= 1;
            return None;
        }
        Some(*code)
    }

    fn handle(&mut self) -> usize {
        // A multiple of 16, so that it looks like a pointer and is never null.
        self.next_handle += 1;
        self.next_handle * 16
    }

    fn allocate(&mut self, bytes: usize) -> Result<u64, Status> {
        if let Some(code) = self.fails("alloc") {
            return Err(code);
        }
        let bytes = bytes as u64;
        if bytes == 0 {
            return Err(INVALID_VALUE);
        }
        if self.in_use + bytes > self.memory {
            return Err(OUT_OF_MEMORY);
        }
        let address = self.next_address;
        self.next_address += bytes.div_ceil(GRANULE) * GRANULE + GRANULE;
        self.blocks.insert(address, bytes);
        self.in_use += bytes;
        self.peak = self.peak.max(self.in_use);
        let (in_use, peak) = (self.in_use, self.peak);
        self.note(format_args!("alloc {bytes} {address:x} {in_use} {peak}"));
        Ok(address)
    }

    fn free(&mut self, address: u64) -> Status {
        let Some(bytes) = self.blocks.remove(&address) else { return INVALID_VALUE };
        self.in_use -= bytes;
        let in_use = self.in_use;
        self.note(format_args!("free {bytes} {address:x} {in_use}"));
        SUCCESS
    }

    /// Whether `bytes` at `address` lie in one block.
    fn holds(&self, address: u64, bytes: usize) -> bool {
        let before = self.blocks.range(..=address).next_back();
        before.is_some_and(|(start, size)| address + bytes as u64 <= start + size)
    }

    fn copy(&mut self, what: &str, device: &[u64], bytes: usize) -> Status {
        if let Some(code) = self.fails("copy") {
            return code;
        }
        if bytes > 0 && !device.iter().all(|address| self.holds(*address, bytes)) {
            eprintln!("dry CUDA: {what} of {bytes} bytes outside of any block");
            return INVALID_VALUE;
        }
        self.note(format_args!("{what} {bytes}"));
        SUCCESS
    }

    fn wait(&mut self, what: &str) -> Status {
        if let Some(code) = self.fails("wait") {
            return code;
        }
        self.note(format_args!("wait {what}"));
        self.flush();
        SUCCESS
    }
}

/// Kernels that `ptx` declares.
fn kernels(ptx: &str) -> Vec<Kernel> {
    let mut found = Vec::new();
    let mut rest = ptx;
    while let Some(at) = rest.find(".entry ") {
        rest = &rest[at + ".entry ".len()..];
        let (head, tail) = rest.split_once('(').unwrap_or((rest, ""));
        let (params, tail) = tail.split_once(')').unwrap_or((tail, ""));
        let size = |param: &str| {
            let array = param.split_once('[').and_then(|(_, n)| n.split_once(']')?.0.parse().ok());
            let width = match param.split_whitespace().find(|w| {
                [".u64", ".s64", ".b64", ".f64", ".u32", ".s32", ".b32", ".f32"].contains(w)
                    || [".u16", ".s16", ".b16", ".u8", ".s8", ".b8"].contains(w)
            }) {
                Some(w) if w.ends_with("64") => 8,
                Some(w) if w.ends_with("32") => 4,
                Some(w) if w.ends_with("16") => 2,
                _ => 1,
            };
            width * array.unwrap_or(1)
        };
        let params =
            params.split(',').map(str::trim).filter(|p| p.starts_with(".param")).map(size).collect();
        found.push(Kernel { name: head.trim().to_owned(), params });
        rest = tail;
    }
    found
}

unsafe fn put<T>(to: *mut T, value: T) -> Status {
    if to.is_null() {
        return INVALID_VALUE;
    }
    // SAFETY: the caller of the driver API gives room for one value.
    unsafe { to.write(value) };
    SUCCESS
}

unsafe fn put_text(to: *mut c_char, room: c_int, text: &str) -> Status {
    let n = text.len().min(usize::try_from(room).unwrap_or(0).saturating_sub(1));
    // SAFETY: the caller of the driver API gives `room` bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), n);
        to.add(n).write(0);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuInit(_flags: c_uint) -> Status {
    driver().fails("init").unwrap_or(SUCCESS)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDriverGetVersion(version: *mut c_int) -> Status {
    unsafe { put(version, 12080) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> Status {
    unsafe { put(count, driver().devices) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> Status {
    if ordinal >= driver().devices {
        return 101;
    }
    unsafe { put(device, ordinal) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, len: c_int, _device: c_int) -> Status {
    let arch = driver().arch;
    unsafe { put_text(name, len, &format!("dry CUDA, sm_{arch}")) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetPCIBusId(id: *mut c_char, len: c_int, device: c_int) -> Status {
    unsafe { put_text(id, len, &format!("0000:{:02x}:00.0", device + 1)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, _device: c_int) -> Status {
    unsafe { put(bytes, driver().memory as usize) }
}

/// Figures of an H100 and an A100, which agree in all but a few of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetAttribute(
    value: *mut c_int,
    attribute: c_int,
    _device: c_int,
) -> Status {
    let arch = driver().arch;
    let figure = match attribute {
        1 => 1024,                                    // threads a block
        2 | 3 => 1024,                                // block, x and y
        4 => 64,                                      // block, z
        5 => i32::MAX,                                // grid, x
        6 | 7 => 65_535,                              // grid, y and z
        8 => 49_152,                                  // shared memory a block
        10 => 32,                                     // threads a warp
        12 => 65_536,                                 // registers a block
        16 => if arch >= 90 { 132 } else { 108 },     // multiprocessors
        39 => 2048,                                   // threads a multiprocessor
        75 => arch / 10,                              // compute capability, major
        76 => arch % 10,                              // compute capability, minor
        81 => if arch >= 90 { 233_472 } else { 167_936 }, // shared memory a multiprocessor
        97 => if arch >= 90 { 232_448 } else { 166_912 }, // shared memory a block, opted in
        115 => 1,                                     // memory pools
        _ => 0,
    };
    unsafe { put(value, figure) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDevicePrimaryCtxRetain(ctx: *mut usize, device: c_int) -> Status {
    unsafe { put(ctx, 0x1000 + device as usize * 16) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuDevicePrimaryCtxRelease_v2(_device: c_int) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSetCurrent(_ctx: usize) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuCtxGetStreamPriorityRange(
    least: *mut c_int,
    greatest: *mut c_int,
) -> Status {
    unsafe { put(least, 0) };
    unsafe { put(greatest, -5) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSynchronize() -> Status {
    driver().wait("context")
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> Status {
    let driver = driver();
    unsafe { put(free, (driver.memory - driver.in_use) as usize) };
    unsafe { put(total, driver.memory as usize) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAlloc_v2(address: *mut u64, bytes: usize) -> Status {
    match driver().allocate(bytes) {
        Ok(block) => unsafe { put(address, block) },
        Err(code) => code,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAllocAsync(
    address: *mut u64,
    bytes: usize,
    _stream: usize,
) -> Status {
    unsafe { cuMemAlloc_v2(address, bytes) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFree_v2(address: u64) -> Status {
    driver().free(address)
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFreeAsync(address: u64, _stream: usize) -> Status {
    driver().free(address)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAllocHost_v2(to: *mut *mut c_void, bytes: usize) -> Status {
    let words = vec![0u64; bytes.div_ceil(8)].into_boxed_slice();
    let at = Box::into_raw(words);
    let address = at.cast::<u64>() as usize;
    driver().pinned.insert(address, bytes.div_ceil(8));
    unsafe { put(to, address as *mut c_void) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemFreeHost(at: *mut c_void) -> Status {
    let Some(words) = driver().pinned.remove(&(at as usize)) else { return INVALID_VALUE };
    let slice = std::ptr::slice_from_raw_parts_mut(at.cast::<u64>(), words);
    // SAFETY: `cuMemAllocHost_v2` made this box, and nothing freed it: it was in the map.
    drop(unsafe { Box::from_raw(slice) });
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemcpyHtoDAsync_v2(
    to: u64,
    _from: *const c_void,
    bytes: usize,
    _stream: usize,
) -> Status {
    driver().copy("upload", &[to], bytes)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyDtoHAsync_v2(
    to: *mut c_void,
    from: u64,
    bytes: usize,
    _stream: usize,
) -> Status {
    let status = driver().copy("download", &[from], bytes);
    if status == SUCCESS {
        // SAFETY: the caller gives room for `bytes`.
        unsafe { std::ptr::write_bytes(to.cast::<u8>(), 0, bytes) };
    }
    status
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, bytes: usize, _stream: usize) -> Status {
    driver().copy("device-copy", &[to, from], bytes)
}

/// `CUDA_MEMCPY2D`, as the driver API lays it out.
#[repr(C)]
pub struct Copy2d {
    from_x: usize,
    from_y: usize,
    from_kind: c_uint,
    from_host: *const c_void,
    from_device: u64,
    from_array: usize,
    from_pitch: usize,
    to_x: usize,
    to_y: usize,
    to_kind: c_uint,
    to_host: *mut c_void,
    to_device: u64,
    to_array: usize,
    to_pitch: usize,
    width: usize,
    height: usize,
}

const HOST: c_uint = 1;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpy2DAsync_v2(copy: *const Copy2d, _stream: usize) -> Status {
    // SAFETY: the caller gives a whole description.
    let copy = unsafe { &*copy };
    let bytes = copy.width * copy.height;
    let span = |pitch: usize| pitch * copy.height.saturating_sub(1) + copy.width;
    let mut driver = driver();
    match (copy.from_kind == HOST, copy.to_kind == HOST) {
        (true, false) => {
            let status = driver.copy("upload", &[copy.to_device], span(copy.to_pitch));
            driver.note(format_args!("pitched {bytes}"));
            status
        }
        (false, true) => {
            let status = driver.copy("download", &[copy.from_device], span(copy.from_pitch));
            for row in 0..copy.height {
                // SAFETY: the caller gives room for `height` rows `to_pitch` bytes apart.
                unsafe {
                    let row = copy.to_host.cast::<u8>().add(row * copy.to_pitch);
                    std::ptr::write_bytes(row, 0, copy.width);
                }
            }
            status
        }
        (false, false) => driver.copy("device-copy", &[copy.to_device, copy.from_device], bytes),
        (true, true) => INVALID_VALUE,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamCreate(stream: *mut usize, _flags: c_uint) -> Status {
    unsafe { put(stream, driver().handle()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamCreateWithPriority(
    stream: *mut usize,
    _flags: c_uint,
    _priority: c_int,
) -> Status {
    unsafe { put(stream, driver().handle()) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamDestroy_v2(_stream: usize) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamSynchronize(_stream: usize) -> Status {
    driver().wait("stream")
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamWaitEvent(_stream: usize, _event: usize, _flags: c_uint) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventCreate(event: *mut usize, _flags: c_uint) -> Status {
    unsafe { put(event, driver().handle()) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventDestroy_v2(_event: usize) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventRecord(_event: usize, _stream: usize) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventQuery(_event: usize) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventSynchronize(_event: usize) -> Status {
    driver().wait("event")
}

/// A hundredth of a millisecond, whatever was run: among kernels that can do the same, the first
/// is taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventElapsedTime(ms: *mut f32, _start: usize, _end: usize) -> Status {
    unsafe { put(ms, 0.01) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventElapsedTime_v2(ms: *mut f32, start: usize, end: usize) -> Status {
    unsafe { cuEventElapsedTime(ms, start, end) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleLoadData(module: *mut usize, image: *const c_char) -> Status {
    let mut driver = driver();
    if let Some(code) = driver.fails("load") {
        return code;
    }
    // SAFETY: the CUDA backend loads PTX, which is text that ends with a zero.
    let ptx = unsafe { CStr::from_ptr(image) }.to_string_lossy().into_owned();
    let kernels = kernels(&ptx);
    if kernels.is_empty() {
        return 218; // CUDA_ERROR_INVALID_PTX
    }
    if let Some(folder) = std::env::var_os("DRY_CUDA_PTX") {
        let file = std::path::Path::new(&folder).join(format!("{}.ptx", driver.modules.len()));
        std::fs::write(file, &ptx).expect("PTX can be written");
    }
    let handle = driver.handle();
    for kernel in &kernels {
        let sizes: Vec<String> = kernel.params.iter().map(usize::to_string).collect();
        driver.note(format_args!("load {} {} {}", kernel.name, ptx.len(), sizes.join(",")));
    }
    driver.modules.insert(handle, kernels);
    unsafe { put(module, handle) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleGetFunction(
    function: *mut usize,
    module: usize,
    name: *const c_char,
) -> Status {
    let mut driver = driver();
    // SAFETY: the caller gives text that ends with a zero.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let place = driver.modules.get(&module).and_then(|k| k.iter().position(|k| k.name == name));
    let Some(place) = place else { return NOT_FOUND };
    let handle = driver.handle();
    driver.functions.insert(handle, (module, place));
    unsafe { put(function, handle) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuFuncSetAttribute(_function: usize, _attribute: c_int, _value: c_int) -> Status {
    SUCCESS
}

#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "the CUDA driver API has them")]
pub unsafe extern "C" fn cuLaunchKernel(
    function: usize,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared: c_uint,
    _stream: usize,
    params: *mut *mut c_void,
    _extra: *mut *mut c_void,
) -> Status {
    let mut driver = driver();
    if let Some(code) = driver.fails("launch") {
        return code;
    }
    let Some((module, place)) = driver.functions.get(&function).copied() else {
        return INVALID_VALUE;
    };
    let threads = u64::from(block_x) * u64::from(block_y) * u64::from(block_z);
    let grid_too_large = grid_y > 65_535 || grid_z > 65_535 || grid_x > i32::MAX as c_uint;
    if threads == 0 || threads > 1024 || grid_x * grid_y * grid_z == 0 || grid_too_large {
        eprintln!(
            "dry CUDA: a launch of {} with grid {grid_x}x{grid_y}x{grid_z}, \
             block {block_x}x{block_y}x{block_z}",
            driver.modules[&module][place].name
        );
        return INVALID_VALUE;
    }
    if driver.trace.is_none() {
        return SUCCESS;
    }
    let kernel = &driver.modules[&module][place];
    let mut line = format!(
        "launch {function} {} {grid_x},{grid_y},{grid_z} {block_x},{block_y},{block_z} {shared}",
        kernel.name
    );
    for (i, size) in kernel.params.iter().enumerate() {
        // SAFETY: there is one pointer for each parameter that the kernel declares, to as many
        // bytes as it declares.
        let bytes = unsafe {
            let param = *params.add(i);
            std::slice::from_raw_parts(param.cast::<u8>(), *size)
        };
        line.push(' ');
        for byte in bytes.iter().rev() {
            write!(line, "{byte:02x}").expect("a string takes text");
        }
    }
    driver.note(format_args!("{line}"));
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorString(code: Status, text: *mut *const c_char) -> Status {
    let said = match code {
        OUT_OF_MEMORY => c"out of memory",
        100 => c"no CUDA-capable device is detected",
        101 => c"invalid device ordinal",
        700 => c"an illegal memory access was encountered",
        719 => c"unspecified launch failure",
        _ => c"an error that the dry driver was told to give",
    };
    unsafe { put(text, said.as_ptr()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorName(code: Status, text: *mut *const c_char) -> Status {
    unsafe { cuGetErrorString(code, text) }
}

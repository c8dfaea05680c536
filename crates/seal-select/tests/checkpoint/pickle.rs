//! Bytecode that is not that of one float32 tensor.

use seal_select::PublishedSelector;

use crate::build::{Tensor, replaced, with_pickle};

fn refusals(cases: Vec<(&str, Vec<u8>)>) -> String {
    let lines = cases.into_iter().map(|(name, pickle)| {
        let error = PublishedSelector::from_pt(&with_pickle(pickle)).unwrap_err().to_string();
        // The advice is the same in each; one test shows it in full.
        format!("{name}: {}", error.split(": where you trust").next().unwrap())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn tensors_of_another_kind() {
    let storage = |storage| Tensor { storage, ..Tensor::default() }.pickle();
    let layout = |stored, offset, shape: &[i64], strides: &[i64]| {
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        Tensor { stored, offset, shape, strides, ..Tensor::default() }.pickle()
    };
    let report = refusals(vec![
        ("double", storage("DoubleStorage")),
        ("half", storage("HalfStorage")),
        ("long", storage("LongStorage")),
        ("no storage", storage("save")),
        ("every other value", layout(8, 0, &[4], &[2])),
        ("second half", layout(8, 4, &[4], &[1])),
        ("first half", layout(8, 0, &[4], &[1])),
        ("expanded", layout(1, 0, &[4], &[0])),
        ("reversed", layout(4, 3, &[4], &[-1])),
        ("matrix", layout(4, 0, &[2, 2], &[2, 1])),
        ("four dimensions", layout(4, 0, &[1, 1, 1, 4], &[4, 4, 4, 1])),
        ("scalar", layout(1, 0, &[], &[])),
        ("no rows", layout(0, 0, &[0], &[1])),
        ("less than no rows", layout(-4, 0, &[-4], &[1])),
        ("fewer rows than bytes", layout(3, 0, &[3], &[1])),
        ("bytes overflow", layout(i64::MAX, 0, &[i64::MAX], &[1])),
    ]);
    insta::assert_snapshot!(report, @"
    double: checkpoint: the tensor has values of a DoubleStorage, expected is float32 (FloatStorage)
    half: checkpoint: the tensor has values of a HalfStorage, expected is float32 (FloatStorage)
    long: checkpoint: the tensor has values of a LongStorage, expected is float32 (FloatStorage)
    no storage: checkpoint entry `data.pkl`, byte 53: found GLOBAL `torch.save`, expected the type torch.FloatStorage; pickle is compared and never run
    every other value: checkpoint: the tensor has the strides [2], expected is the stride [1], no view
    second half: checkpoint: the tensor has 4 values from value 4 of a storage of 8, expected is a storage of its own
    first half: checkpoint: the tensor has 4 values from value 0 of a storage of 8, expected is a storage of its own
    expanded: checkpoint: the tensor has the strides [0], expected is the stride [1], no view
    reversed: checkpoint: the tensor has the strides [-1], expected is the stride [1], no view
    matrix: checkpoint: the tensor has the shape [2, 2], expected is one dimension, a logit a row
    four dimensions: checkpoint entry `data.pkl`, byte 101: found MARK, expected the tensor's shape; pickle is compared and never run
    scalar: checkpoint: the tensor has the shape [], expected is one dimension, a logit a row
    no rows: checkpoint: the tensor has the shape [0], expected is at least one row
    less than no rows: checkpoint: the tensor has the shape [-4], expected is at least one row
    fewer rows than bytes: checkpoint entry `data/0`: 16 bytes, while `data.pkl` tells of 3 values, expected is 4 bytes a value
    bytes overflow: checkpoint entry `data/0`: 16 bytes, while `data.pkl` tells of 9223372036854775807 values, expected is 4 bytes a value
    ");
}

#[test]
fn bytecode_that_does_something_else() {
    let valid = Tensor::default().pickle();
    let swap = |part: &[u8], by: &[u8]| replaced(&valid, part, by);
    let rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n";
    let end = &valid[..valid.len() - 1];
    let report = refusals(vec![
        ("os.system", b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.".to_vec()),
        ("os.system for the tensor", swap(rebuild, b"cos\nsystem\n")),
        ("builtins.eval for the hooks", swap(b"ccollections\nOrderedDict\n", b"cbuiltins\neval\n")),
        ("another tensor function", swap(b"_rebuild_tensor_v2", b"_rebuild_qtensor")),
        ("call after the tensor", [end, b"cos\nsystem\nq\x0b)R."].concat()),
        ("two calls", [end, b"R."].concat()),
        ("import without a call", [b"\x80\x02cos\nsystem\n0", &valid[2..]].concat()),
        ("STACK_GLOBAL", [b"\x80\x02X\x02\0\0\0osX\x06\0\0\0system\x93", &valid[2..]].concat()),
        ("INST", b"\x80\x02(ios\nsystem\n.".to_vec()),
        ("BUILD", [end, b"}b."].concat()),
        ("filled hooks", swap(b")Rq\x09", b")Rq\x09X\x01\0\0\0aK\x01s")),
        ("list", [b"\x80\x02]q\0", &valid[2..]].concat()),
        ("two tensors", [b"\x80\x02", &end[2..], &valid[2..]].concat()),
        ("dict of two", b"\x80\x02}q\0(X\x01\0\0\0a".to_vec()),
        ("dict without a tensor", b"\x80\x02}q\0X\x01\0\0\0aq\x01K\x01s.".to_vec()),
        ("nested dict", b"\x80\x02}q\0X\x01\0\0\0aq\x01}q\x02.".to_vec()),
        ("number", b"\x80\x02K\x01.".to_vec()),
        ("memo out of order", swap(b"q\x04", b"q\x05")),
        ("memo of something else", swap(b"ccollections\nOrderedDict\nq\x08", b"h\0")),
        ("memo never written", swap(b"ccollections\nOrderedDict\nq\x08", b"h\xff")),
        ("another storage", swap(b"X\x01\0\0\x000", b"X\x01\0\0\x001")),
        ("a path as storage", swap(b"X\x01\0\0\x000", b"X\x05\0\0\0../..")),
        ("odd device", swap(b"X\x03\0\0\0cpu", b"X\x03\0\0\0\x1b[m")),
        ("protocol 4", [b"\x80\x04\x95\x10\0\0\0\0\0\0\0", &valid[2..]].concat()),
        ("no protocol", valid[2..].to_vec()),
        ("cut", valid[..40].to_vec()),
        ("no end", end.to_vec()),
        ("bytes after the end", [&valid, b"cos\nsystem\n".as_slice()].concat()),
        ("text without end", b"\x80\x02}q\0X\xff\xff\xff\xffabc".to_vec()),
        ("no UTF-8", b"\x80\x02}q\0X\x01\0\0\0\xff".to_vec()),
        ("long integer", swap(b"QK\0", b"Q\x8a\xff")),
        ("unknown opcode", b"\x80\x02\xfe.".to_vec()),
        ("empty", Vec::new()),
        ("long", vec![b'('; 5000]),
    ]);
    insta::assert_snapshot!(report, @r"
    os.system: checkpoint entry `data.pkl`, byte 2: found GLOBAL `os.system`, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    os.system for the tensor: checkpoint entry `data.pkl`, byte 2: found GLOBAL `os.system`, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    builtins.eval for the hooks: checkpoint entry `data.pkl`, byte 112: found GLOBAL `builtins.eval`, expected an empty OrderedDict, the tensor's hooks; pickle is compared and never run
    another tensor function: checkpoint entry `data.pkl`, byte 2: found GLOBAL `torch._utils._rebuild_qtensor`, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    call after the tensor: checkpoint entry `data.pkl`, byte 149: found GLOBAL `os.system`, expected the end after one tensor, or after a dict with one; pickle is compared and never run
    two calls: checkpoint entry `data.pkl`, byte 149: found REDUCE, expected the end after one tensor, or after a dict with one; pickle is compared and never run
    import without a call: checkpoint entry `data.pkl`, byte 2: found GLOBAL `os.system`, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    STACK_GLOBAL: checkpoint entry `data.pkl`, byte 2: found the text `os`, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    INST: checkpoint entry `data.pkl`, byte 2: found MARK, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    BUILD: checkpoint entry `data.pkl`, byte 149: found EMPTY_DICT, expected the end after one tensor, or after a dict with one; pickle is compared and never run
    filled hooks: checkpoint entry `data.pkl`, byte 143: found the text `a`, expected the end of a tensor's arguments; pickle is compared and never run
    list: checkpoint entry `data.pkl`, byte 2: found EMPTY_LIST, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    two tensors: checkpoint entry `data.pkl`, byte 149: found GLOBAL `torch._utils._rebuild_tensor_v2`, expected the end after one tensor, or after a dict with one; pickle is compared and never run
    dict of two: checkpoint entry `data.pkl`, byte 5: found MARK, expected the one key of the dict, a string; pickle is compared and never run
    dict without a tensor: checkpoint entry `data.pkl`, byte 13: found the integer 1, expected the dict's tensor or Parameter; pickle is compared and never run
    nested dict: checkpoint entry `data.pkl`, byte 13: found EMPTY_DICT, expected the dict's tensor or Parameter; pickle is compared and never run
    number: checkpoint entry `data.pkl`, byte 2: found the integer 1, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    memo out of order: checkpoint entry `data.pkl`, byte 91: found BINPUT 5, expected a store into the next memo entry; pickle is compared and never run
    memo of something else: checkpoint entry `data.pkl`, byte 112: found BINGET 0, expected an empty OrderedDict, the tensor's hooks; pickle is compared and never run
    memo never written: checkpoint entry `data.pkl`, byte 112: found BINGET 255, expected an empty OrderedDict, the tensor's hooks; pickle is compared and never run
    another storage: checkpoint entry `data.pkl`, byte 75: found the text `1`, expected the first storage, named `0`; pickle is compared and never run
    a path as storage: checkpoint entry `data.pkl`, byte 75: found the text `../..`, expected the first storage, named `0`; pickle is compared and never run
    odd device: checkpoint entry `data.pkl`, byte 83: found the text `\u{1b}[m`, expected a device, such as `cpu` or `cuda:0`; pickle is compared and never run
    protocol 4: checkpoint entry `data.pkl`, byte 0: found PROTO 4, expected pickle protocol 2, the default of `torch.save`; pickle is compared and never run
    no protocol: checkpoint entry `data.pkl`, byte 0: found GLOBAL `torch._utils._rebuild_tensor_v2`, expected pickle protocol 2, the default of `torch.save`; pickle is compared and never run
    cut: checkpoint entry `data.pkl`, byte 39: found the end of the entry, expected a complete opcode; pickle is compared and never run
    no end: checkpoint entry `data.pkl`, byte 149: found the end of the entry, expected a complete opcode; pickle is compared and never run
    bytes after the end: checkpoint entry `data.pkl`, byte 149: found 11 bytes after the end, expected nothing after the end; pickle is compared and never run
    text without end: checkpoint entry `data.pkl`, byte 5: found the end of the entry, expected a complete opcode; pickle is compared and never run
    no UTF-8: checkpoint entry `data.pkl`, byte 5: found bytes that are no text, expected UTF-8; pickle is compared and never run
    long integer: checkpoint entry `data.pkl`, byte 99: found an integer of more than 64 bits, expected a smaller one; pickle is compared and never run
    unknown opcode: checkpoint entry `data.pkl`, byte 2: found the opcode 0xfe, expected a tensor, a Parameter, or a dict with one of them; pickle is compared and never run
    empty: checkpoint entry `data.pkl`, byte 0: found the end of the entry, expected a complete opcode; pickle is compared and never run
    long: checkpoint entry `data.pkl`: 5000 bytes, expected is at most 4096
    ");
}

#[test]
fn the_advice_in_full() {
    let pickle = Tensor { storage: "DoubleStorage", ..Tensor::default() }.pickle();
    let error = PublishedSelector::from_pt(&with_pickle(pickle)).unwrap_err();
    insta::assert_snapshot!(error, @"checkpoint: the tensor has values of a DoubleStorage, expected is float32 (FloatStorage): where you trust the file, load it in PyTorch and save `t.detach().cpu().float().flatten().clone()` alone with `torch.save`");
}

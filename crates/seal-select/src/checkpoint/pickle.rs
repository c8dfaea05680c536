//! The bytecode of a checkpoint, compared with the forms that one tensor has.
//!
//! There is no stack, no memo of values and no call: the opcodes of one tensor
//! come in one order, so a cursor that expects them in that order is enough.
//! What may vary is read on the way: sizes, the device, a dict's key.

use super::error::CheckpointError;
use super::opcode::{Op, Opcodes};
use crate::shown::shown;

const TORCH: &str = "torch._utils";
const TENSOR: Op<'static> = Op::Global(TORCH, "_rebuild_tensor_v2");
const PARAMETER: Op<'static> = Op::Global(TORCH, "_rebuild_parameter");
const ORDERED_DICT: Op<'static> = Op::Global("collections", "OrderedDict");

/// Number of values of the checkpoint's one tensor, at least 1.
pub(super) fn rows_of_one_tensor(bytecode: &[u8]) -> Result<u64, CheckpointError> {
    let mut cursor = Cursor { ops: Opcodes::new(bytecode), memos: 0, ordered_dict: None };
    cursor.expect(&Op::Proto(2), "pickle protocol 2, the default of `torch.save`")?;
    let rows = cursor.value()?;
    cursor.expect(&Op::Stop, "the end after one tensor, or after a dict with one")?;
    match cursor.ops.rest() {
        0 => Ok(rows),
        rest => {
            Err(cursor.ops.refuse(format!("{rest} bytes after the end"), "nothing after the end"))
        }
    }
}

struct Cursor<'a> {
    ops: Opcodes<'a>,
    /// Memo entries so far. Pickle numbers them in order.
    memos: u8,
    /// The memo entry of the class `OrderedDict`, once it was named.
    ordered_dict: Option<u8>,
}

impl Cursor<'_> {
    /// A tensor, a parameter, or a dict with one of them.
    fn value(&mut self) -> Result<u64, CheckpointError> {
        const WHAT: &str = "a tensor, a Parameter, or a dict with one of them";
        match self.ops.next()? {
            op @ (TENSOR | PARAMETER) => self.tensor_or_parameter(&op),
            Op::EmptyDict => {
                self.memo()?;
                self.only_entry()
            }
            ORDERED_DICT => {
                self.ordered_dict = Some(self.memo()?);
                self.new_instance()?;
                self.only_entry()
            }
            found => Err(self.ops.refuse(found, WHAT)),
        }
    }

    /// The one entry of a dict, whatever its key.
    fn only_entry(&mut self) -> Result<u64, CheckpointError> {
        match self.ops.next()? {
            Op::Text(_) => self.memo()?,
            found => return Err(self.ops.refuse(found, "the one key of the dict, a string")),
        };
        let rows = match self.ops.next()? {
            op @ (TENSOR | PARAMETER) => self.tensor_or_parameter(&op)?,
            found => return Err(self.ops.refuse(found, "the dict's tensor or Parameter")),
        };
        self.expect(&Op::SetItem, "the end of the dict after one entry")?;
        Ok(rows)
    }

    fn tensor_or_parameter(&mut self, first: &Op<'_>) -> Result<u64, CheckpointError> {
        self.memo()?;
        if *first == TENSOR {
            return self.tensor();
        }
        self.expect(&TENSOR, "the tensor of the Parameter")?;
        self.memo()?;
        let rows = self.tensor()?;
        self.flag()?;
        self.hooks()?;
        self.expect(&Op::Tuple(3), "the three arguments of a Parameter")?;
        self.memo()?;
        self.call()?;
        Ok(rows)
    }

    /// The arguments of `_rebuild_tensor_v2`: storage, offset, shape, strides,
    /// whether it needs a gradient, hooks.
    fn tensor(&mut self) -> Result<u64, CheckpointError> {
        self.expect(&Op::Mark, "the arguments of a tensor")?;
        let stored = self.storage()?;
        let offset = self.integer("the tensor's offset in its storage")?;
        let shape = self.integers("the tensor's shape")?;
        let strides = self.integers("the tensor's strides")?;
        self.flag()?;
        self.hooks()?;
        self.expect(&Op::MarkedTuple, "the end of a tensor's arguments")?;
        self.memo()?;
        self.call()?;
        check_layout(stored, offset, &shape, &strides)
    }

    /// The reference to `data/0`; gives its number of values.
    fn storage(&mut self) -> Result<i64, CheckpointError> {
        self.expect(&Op::Mark, "a reference to a storage")?;
        self.expect(&Op::Text("storage"), "the word `storage`")?;
        self.memo()?;
        match self.ops.next()? {
            Op::Global("torch", "FloatStorage") => {}
            Op::Global("torch", other) if other.ends_with("Storage") => {
                return Err(CheckpointError::Tensor {
                    found: format!("values of a {}", shown(other)),
                    expected: "float32 (FloatStorage)",
                });
            }
            found => return Err(self.ops.refuse(found, "the type torch.FloatStorage")),
        }
        self.memo()?;
        self.expect(&Op::Text("0"), "the first storage, named `0`")?;
        self.memo()?;
        // Where the tensor was does not matter; that nothing odd is hidden here does.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == ':';
        match self.ops.next()? {
            Op::Text(device) if device.chars().all(plain) => self.memo()?,
            found => return Err(self.ops.refuse(found, "a device, such as `cpu` or `cuda:0`")),
        };
        let stored = self.integer("the number of values in the storage")?;
        self.expect(&Op::MarkedTuple, "the end of a reference to a storage")?;
        self.memo()?;
        self.expect(&Op::PersistentId, "the lookup of a storage")?;
        Ok(stored)
    }

    /// An empty `OrderedDict`: PyTorch's mark for "no backward hooks".
    fn hooks(&mut self) -> Result<(), CheckpointError> {
        const WHAT: &str = "an empty OrderedDict, the tensor's hooks";
        match (self.ops.next()?, self.ordered_dict) {
            (ORDERED_DICT, None) => self.ordered_dict = Some(self.memo()?),
            (Op::Get(memo), Some(class)) if memo == class => {}
            (found, _) => return Err(self.ops.refuse(found, WHAT)),
        }
        self.new_instance()
    }

    /// `OrderedDict()`, once the class was named.
    fn new_instance(&mut self) -> Result<(), CheckpointError> {
        self.expect(&Op::Tuple(0), "no arguments of an OrderedDict")?;
        self.call()
    }

    /// The one call that may follow, of a function that was compared above.
    fn call(&mut self) -> Result<(), CheckpointError> {
        self.expect(&Op::Reduce, "the end of one of PyTorch's tensor functions")?;
        self.memo().map(|_| ())
    }

    fn flag(&mut self) -> Result<(), CheckpointError> {
        match self.ops.next()? {
            Op::Bool(_) => Ok(()),
            found => Err(self.ops.refuse(found, "whether the tensor needs a gradient")),
        }
    }

    fn integer(&mut self, expected: &'static str) -> Result<i64, CheckpointError> {
        match self.ops.next()? {
            Op::Int(value) => Ok(value),
            found => Err(self.ops.refuse(found, expected)),
        }
    }

    /// A tuple of up to three integers; longer ones have another opcode.
    fn integers(&mut self, expected: &'static str) -> Result<Vec<i64>, CheckpointError> {
        let mut values = Vec::new();
        loop {
            match self.ops.next()? {
                Op::Int(value) if values.len() < 3 => values.push(value),
                // Pickle does not memoise the empty tuple.
                Op::Tuple(0) if values.is_empty() => return Ok(values),
                Op::Tuple(n) if n > 0 && n == values.len() => {
                    return self.memo().map(|_| values);
                }
                found => return Err(self.ops.refuse(found, expected)),
            }
        }
    }

    fn expect(&mut self, wanted: &Op<'_>, expected: &'static str) -> Result<(), CheckpointError> {
        let found = self.ops.next()?;
        if found == *wanted { Ok(()) } else { Err(self.ops.refuse(found, expected)) }
    }

    /// The store into the memo that follows every new value; gives its number.
    fn memo(&mut self) -> Result<u8, CheckpointError> {
        let memo = self.memos;
        self.expect(&Op::Put(memo), "a store into the next memo entry")?;
        // One tensor has fewer than 20, so that no form reaches the limit.
        self.memos = memo.saturating_add(1);
        Ok(memo)
    }
}

fn check_layout(
    stored: i64,
    offset: i64,
    shape: &[i64],
    strides: &[i64],
) -> Result<u64, CheckpointError> {
    let refuse = |found, expected| Err(CheckpointError::Tensor { found, expected });
    let &[rows] = shape else {
        return refuse(format!("the shape {shape:?}"), "one dimension, a logit a row");
    };
    if rows < 1 {
        return refuse(format!("the shape [{rows}]"), "at least one row");
    }
    if *strides != [1] {
        return refuse(format!("the strides {strides:?}"), "the stride [1], no view");
    }
    if offset != 0 || stored != rows {
        let found = format!("{rows} values from value {offset} of a storage of {stored}");
        return refuse(found, "a storage of its own");
    }
    Ok(rows.unsigned_abs())
}

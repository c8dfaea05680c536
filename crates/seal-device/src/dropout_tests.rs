#![cfg(feature = "flex")]

use burn::tensor::{Device, Distribution, TensorData};

use super::*;
use crate::DeviceSpec;

fn device() -> Device {
    DeviceSpec::default().open().unwrap()
}

fn ones(n: usize, width: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(vec![1f32; n * width], [n, width]), device)
}

fn values(x: Tensor<2>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

#[test]
fn the_share_is_dropped_and_the_mean_stays() {
    let tokens = DropoutTokens::of_rows([(7, 40), (8, 60)]);
    for share in [0.05, 0.1, 0.5, 0.9] {
        let y = values(tokens.drop(ones(100, 300, &device()), Dropout { share, layer: 3 }));
        let dropped = y.iter().filter(|y| **y == 0.0).count() as f64 / y.len() as f64;
        // Five standard deviations of a share of 30,000 draws.
        let off = 5.0 * (share * (1.0 - share) / 30_000.0).sqrt();
        assert!((dropped - share).abs() < off, "{share}: {dropped}");
        let keep = (1.0 / (1.0 - share)) as f32;
        assert!(y.iter().all(|y| *y == 0.0 || *y == keep));
    }
}

#[test]
fn a_token_has_its_mask_wherever_it_lies_and_layers_have_their_own() {
    let draw = |rows: &[(u64, usize)], layer| {
        let n = rows.iter().map(|row| row.1).sum();
        let tokens = DropoutTokens::of_rows(rows.iter().copied());
        values(tokens.drop(ones(n, 5, &device()), Dropout { share: 0.5, layer }))
    };
    let both = draw(&[(1, 4), (2, 3)], 0);
    assert_eq!(both[4 * 5..], draw(&[(2, 3)], 0));
    // A longer row begins with the same mask.
    assert_eq!(draw(&[(1, 9)], 0)[..4 * 5], both[..4 * 5]);
    assert_ne!(draw(&[(1, 4)], 1), draw(&[(1, 4)], 0));
    assert_ne!(draw(&[(1 << 32, 4)], 0), draw(&[(1, 4)], 0));
}

/// Bits on disk depend on them: another mask is another result.
#[test]
fn masks_are_pinned() {
    let tokens = DropoutTokens::of_rows([(0x0123_4567_89ab_cdef, 3)]);
    let y = values(tokens.drop(ones(3, 11, &device()), Dropout { share: 0.3, layer: 42 }));
    let bits: String = y.iter().map(|y| if *y == 0.0 { '.' } else { '1' }).collect();
    assert_eq!(bits, "..11.1.1...1...111111..11111111.1");
}

#[test]
fn the_kernel_and_its_gradient_are_those_of_the_mask() {
    let device = device();
    let (n, width) = (23, 17);
    let x = Tensor::<2>::random([n, width], Distribution::Default, &device);
    let dy = Tensor::<2>::random([n, width], Distribution::Default, &device);
    let tokens = DropoutTokens::of_rows([(3, 11), (4, 12)]);
    let dropout = Dropout { share: 0.4, layer: 1 };
    let mut mask = vec![1f32; n * width];
    scale(&mut mask, &tokens.words, width, dropout);
    let mask = Tensor::<2>::from_data(TensorData::new(mask, [n, width]), &device);

    let leaf = Tensor::from_inner(x.clone()).require_grad();
    let y = tokens.drop(leaf.clone(), dropout);
    assert_eq!(values(y.clone().inner()), values(x * mask.clone()));
    let gradients = (y * Tensor::from_inner(dy.clone())).sum().backward();
    assert_eq!(values(leaf.grad(&gradients).unwrap()), values(dy * mask));
}

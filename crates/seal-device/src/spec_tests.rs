use super::*;

#[test]
fn names_survive_parsing() {
    for name in [
        "flex",
        "flex:1",
        "cuda:0",
        "cuda:3",
        "tch",
        "tch:cuda:1",
        "wgpu",
        "wgpu:1",
        "wgpu:integrated:0",
        "wgpu:virtual:2",
        "wgpu:cpu",
    ] {
        assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
    }
    for (short, whole) in [("cuda", "cuda:0"), ("wgpu:integrated", "wgpu:integrated:0")] {
        assert_eq!(short.parse::<DeviceSpec>().unwrap().to_string(), whole);
    }
}

#[test]
fn the_cpu_computes_in_the_machines_memory() {
    let host = |name: &str| name.parse::<DeviceSpec>().unwrap().is_host();
    assert!(host("flex") && host("tch"));
    assert!(!host("tch:cuda:0") && !host("cuda:0") && !host("wgpu") && !host("wgpu:cpu"));
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    for name in ["gpu", "cuda:x", "flex:x", "flex:-1", "", "wgpu:gpu", "wgpu:cpu:0"] {
        let error = name.parse::<DeviceSpec>().unwrap_err().to_string();
        assert!(error.contains("known are flex, flex:N, cuda:N, cuda:*"), "{error}");
    }
}

#[test]
fn several_devices_are_no_device() {
    for name in ["cuda:*", "flex:0,flex:1"] {
        let error = name.parse::<DeviceSpec>().unwrap_err();
        assert!(matches!(error, DeviceError::Several { .. }), "{error}");
    }
}

#[test]
fn the_kind_of_a_device_is_its_first() {
    let pairs = [
        ("flex", "flex"),
        ("flex:3", "flex"),
        ("cuda:3", "cuda:0"),
        ("tch", "tch"),
        ("tch:cuda:2", "tch:cuda:0"),
        ("wgpu", "wgpu"),
        ("wgpu:2", "wgpu:2"),
        ("wgpu:cpu", "wgpu:cpu"),
    ];
    for (name, kind) in pairs {
        assert_eq!(name.parse::<DeviceSpec>().unwrap().kind().to_string(), kind);
    }
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_missing_backend_says_how_to_get_it() {
    let error = "cuda:0".parse::<DeviceSpec>().unwrap().open().unwrap_err();
    assert!(error.to_string().contains("no cuda backend, only "), "{error}");
}

#[test]
fn an_absent_adapter_is_said_with_those_that_there_are() {
    let said = |present| DeviceError::NoAdapter { device: "wgpu:1".parse().unwrap(), present };
    let some = vec![("wgpu:cpu".parse().unwrap(), "llvmpipe".to_owned())];
    assert_eq!(
        said(some).to_string(),
        "device `wgpu:1`: this machine shows no such adapter, only wgpu:cpu (llvmpipe)"
    );
    assert!(said(Vec::new()).to_string().contains("and no other: is there a driver for Vulkan?"));
}

#[cfg(feature = "wgpu")]
#[test]
fn a_number_that_no_adapter_has_is_an_error_and_no_panic() {
    let error = "wgpu:15".parse::<DeviceSpec>().unwrap().open().unwrap_err();
    assert!(matches!(error, DeviceError::NoAdapter { .. }), "{error}");
}

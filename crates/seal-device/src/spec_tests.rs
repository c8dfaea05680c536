use super::*;

#[test]
fn names_survive_parsing() {
    for name in ["flex", "flex:1", "cuda:0", "cuda:3", "tch", "tch:cuda:1", "wgpu"] {
        assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
    }
    assert_eq!("cuda".parse::<DeviceSpec>().unwrap().to_string(), "cuda:0");
}

#[test]
fn the_cpu_computes_in_the_machines_memory() {
    let host = |name: &str| name.parse::<DeviceSpec>().unwrap().is_host();
    assert!(host("flex") && host("tch"));
    assert!(!host("tch:cuda:0") && !host("cuda:0") && !host("wgpu"));
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    for name in ["gpu", "cuda:x", "flex:x", "flex:-1", ""] {
        let error = name.parse::<DeviceSpec>().unwrap_err().to_string();
        assert!(error.contains("known are flex, cuda:N"), "{error}");
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

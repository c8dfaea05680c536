use super::*;

fn listed(names: &[&str]) -> Result<DeviceSet, DeviceSetError> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    DeviceSet::listed(&names)
}

fn names(found: &[DeviceSpec]) -> Vec<String> {
    found.iter().map(DeviceSpec::to_string).collect()
}

#[test]
fn a_list_has_one_kind_however_many_devices_it_has() {
    for all in [&["cuda:1"][..], &["cuda:0", "cuda:1"], &["cuda:5", "cuda:2"]] {
        let set = listed(all).unwrap();
        assert_eq!(set.kind().to_string(), "cuda:0");
        assert!(set.is_list());
        assert_eq!(names(&set.found_of(Some(8)).unwrap()), all);
    }
    assert_eq!(listed(&["flex:0", "flex:1"]).unwrap().kind().to_string(), "flex");
    let one = DeviceSet::named("flex").unwrap();
    assert!(!one.is_list());
    let firsts =
        [DeviceSet::named("cuda:3"), DeviceSet::named("cuda:*"), listed(&["cuda:2", "cuda:1"])];
    let firsts = firsts.map(|set| set.unwrap().first().to_string());
    assert_eq!(firsts, ["cuda:3", "cuda:0", "cuda:2"]);
    assert_eq!(names(&one.found().unwrap()), ["flex"]);
}

#[test]
fn devices_that_are_no_set_are_refused_with_what_to_name() {
    let said = |names: &[&str]| listed(names).unwrap_err().to_string();
    assert!(said(&["flex:0", "cuda:0"]).contains("flex:0 and cuda:0 are of two kinds"));
    assert!(said(&["tch", "tch:cuda:0"]).contains("of two kinds"), "one is the CPU");
    assert!(said(&["wgpu:0", "wgpu:1"]).contains("of two kinds"), "they may be of two makers");
    assert!(said(&["flex", "flex:0"]).contains("flex and flex:0 are one device: a stage has"));
    assert!(said(&["flex:1", "flex:1"]).contains("the device flex:1 is there twice"));
    assert!(said(&["cuda", "cuda:0"]).contains("twice"));
    assert!(said(&["cuda:0", "cuda:*"]).contains("name it alone"));
    assert!(said(&["cuda:0", "gpu"]).contains("unknown device `gpu`"));
    assert!(said(&[]).contains("is empty"));
    assert!(said(&["flex:0", ""]).contains("the name of a device is empty"));
    let said = |name: &str| DeviceSet::named(name).unwrap_err().to_string();
    assert!(said("flex:*").contains("such as flex:0 and flex:1"));
    assert!(said("wgpu:*").contains("name one, such as wgpu:0"));
    assert!(said("").contains("the name of a device is empty"));
    assert!(said("cuda:0, cuda:1").ends_with(r#"such as ["cuda:0", "cuda:1"]"#));
    assert!(said("tch:cuda:*").contains("such as tch:cuda:0 and tch:cuda:1"));
}

#[test]
fn all_devices_of_a_kind_are_those_that_the_machine_shows() {
    let all = DeviceSet::named("cuda:*").unwrap();
    assert_eq!(all, listed(&["cuda:*"]).unwrap());
    assert_eq!(names(&all.found_of(Some(3)).unwrap()), ["cuda:0", "cuda:1", "cuda:2"]);
    for count in [None, Some(0)] {
        let said = all.found_of(count).unwrap_err().to_string();
        assert!(said.contains("nvidia-smi -L") && said.contains("CUDA_VISIBLE_DEVICES"), "{said}");
    }
    let said = listed(&["cuda:0", "cuda:4"]).unwrap().found_of(Some(4)).unwrap_err().to_string();
    assert!(said.contains("device `cuda:4`: this machine shows 4 CUDA devices"), "{said}");
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_kind_that_is_not_in_the_binary_is_said_before_its_devices_are_counted() {
    let error = DeviceSet::named("cuda:*").unwrap().found().unwrap_err();
    assert!(matches!(error, DeviceSetError::Device(DeviceError::NotCompiledIn { .. })), "{error}");
}

#[test]
fn another_process_sees_one_gpu_alone() {
    let alone = |name: &str, visible: Option<&str>| {
        let all = name.parse::<DeviceSpec>().unwrap().variables(visible);
        all.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(alone("cuda:3", None), ["CUDA_VISIBLE_DEVICES=3"]);
    assert_eq!(alone("tch:cuda:1", Some("")), ["CUDA_VISIBLE_DEVICES="]);
    assert_eq!(alone("tch:cuda:3", Some("0,1")), ["CUDA_VISIBLE_DEVICES="]);
    // A process that sees some only has numbers of its own for them.
    assert_eq!(alone("cuda:1", Some("2, 5")), ["CUDA_VISIBLE_DEVICES=5"]);
    assert_eq!(alone("cuda:0", Some("GPU-8f2a,GPU-11")), ["CUDA_VISIBLE_DEVICES=GPU-8f2a"]);
    for cpu in ["flex:1", "tch", "flex", "wgpu:cpu"] {
        assert!(alone(cpu, Some("1")).is_empty());
    }
}

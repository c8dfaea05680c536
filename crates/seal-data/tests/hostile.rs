//! Templates that are written to end the program, to fill the memory or never to end:
//! each renders or is refused, in bounded memory and within seconds.

use std::collections::BTreeMap;

use peak_alloc::PeakAlloc;
use seal_data::chat::{ChatTemplate, Message};

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

/// Megabytes that no template of this file may need.
const BOUND: f32 = 400.0;

/// What a template writes, or why it does not, on a thread with the stack of a worker.
fn outcome(source: String) -> Result<String, String> {
    let run = move || {
        let messages = [Message::user("Hello"), Message::assistant("Hi")];
        let template = ChatTemplate::new("t", &source, None).map_err(|e| e.to_string())?;
        template
            .render(&messages, &BTreeMap::new(), false)
            .map(|rendered| rendered.text)
            .map_err(|e| e.to_string())
    };
    let worker = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap();
    let result = worker.join().expect("no panic");
    if let Err(e) = &result {
        assert!(e.len() < 700, "{} bytes", e.len());
        assert!(!e.contains("Hello"), "{e}");
    }
    result
}

/// All of them, one after another: the allocator counts for the whole process.
#[test]
fn hostile_templates_are_refused_or_rendered_in_bounded_memory() {
    let wrap = |inside: String| format!("{{{{ {inside} }}}}");
    let nested = |open: &str, n: usize, close: &str| open.repeat(n) + "1" + &close.repeat(n);
    let grow = |step: &str, end: &str| {
        format!(
            "{{% set ns = namespace(s=[1, 2], t=[1, 2], x='ab', d={{}}) %}}{{% for i in range(90) %}}{step}{{% endfor %}}{end}"
        )
    };
    let (list, twice) = (
        "{% set ns.s = [ns.s, ns.s] %}",
        "{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}",
    );
    let cases: Vec<(&str, String)> = vec![
        ("signs", wrap("-".repeat(16_000) + "1")),
        ("smallest number divided", wrap("(-2)**127 // -1".to_owned())),
        ("smallest number in a range", wrap("(-2)**127 in range(0, -5, -1)".to_owned())),
        ("range to the smallest number", wrap("range((-2)**127)".to_owned())),
        ("no total order", wrap("([3, 1, 2]*20 + ['a'])|sort".to_owned())),
        ("no numbers in order", wrap("(['nan'|float, 3, 1, 2]*40)|sort".to_owned())),
        ("filters", wrap("[1]".to_owned() + &"|list".repeat(10_000))),
        ("sums", wrap("1".to_owned() + &"+1".repeat(60_000))),
        ("attributes", wrap("a".to_owned() + &".a".repeat(60_000))),
        ("items", wrap("[1]".to_owned() + &"[0]".repeat(60_000))),
        ("calls", wrap("range".to_owned() + &"(1)".repeat(60_000))),
        ("not", wrap("not ".repeat(60_000) + "1")),
        ("concat", wrap("'a'".to_owned() + &"~'a'".repeat(60_000))),
        ("powers", wrap("1".to_owned() + &"**1".repeat(60_000))),
        ("compared", wrap("1".to_owned() + &"==1".repeat(60_000))),
        ("and", wrap("1".to_owned() + &" and 1".repeat(60_000))),
        ("conditions", wrap("1".to_owned() + &" if 0 else 1".repeat(30_000))),
        ("tests", wrap("1 is eq 1".to_owned() + &" is eq 1".repeat(30_000))),
        ("strings", wrap("'a' ".repeat(100_000))),
        ("parentheses", wrap(nested("(", 100_000, ")"))),
        ("unclosed", wrap("(".repeat(100_000))),
        ("lists", wrap(nested("[", 100_000, "]"))),
        ("dictionaries", wrap(nested("{1:", 60_000, "}"))),
        ("arguments", wrap(nested("range(", 60_000, ")"))),
        ("subscripts", wrap(nested("a[", 100_000, "]"))),
        ("test arguments", wrap("1".to_owned() + &" is eq [".repeat(50_000))),
        ("ifs", "{% if 1 %}".repeat(20_000) + &"{% endif %}".repeat(20_000)),
        ("elifs", "{% if 0 %}".to_owned() + &"{% elif 0 %}".repeat(30_000) + "{% endif %}"),
        ("fors", "{% for a in [1] %}".repeat(10_000) + &"{% endfor %}".repeat(10_000)),
        ("macros in macros", "{% macro m() %}".repeat(10_000)),
        ("targets", format!("{{% set {}a{} = 1 %}}", "(".repeat(50_000), ")".repeat(50_000))),
        ("filter blocks", "{% filter upper %}".repeat(10_000)),
        ("sets", "{% set s = [s, s] %}".repeat(20_000) + "{{ s|tojson|length }}"),
        ("large source", "x".repeat(1 << 20)),
        ("many tags", "{{ 1 }}".repeat(70_000)),
        ("str.format width", wrap("'{:>4000000000}'.format(1)".into())),
        ("str.format zeros", wrap("'{:0999999999}'.format(1)".into())),
        ("str.format precision", wrap("'{:.999999999f}'.format(1.5)".into())),
        ("str.format twice", wrap("'{:{}}'.format(1, 10**12)".into())),
        ("percent width", wrap("'%4000000000d' % 1".into())),
        ("percent precision", wrap("'%.4000000000d' % 1".into())),
        ("percent float", wrap("'%.999999999f' % 1".into())),
        ("percent star", wrap("'%*d' % (10**15, 1)".into())),
        ("repeat", wrap("'x' * 10**9".into())),
        ("repeat a list", wrap("([1] * 10**10)|length".into())),
        ("repeat nothing", wrap("('' * 10**30)|length ~ ([] * 10**30)|length".into())),
        ("range", wrap("range(10**12)|list|length".into())),
        ("huge range", wrap("range(-10**30, 10**38)|length".into())),
        ("center", wrap("'a'|center(10**10)".into())),
        ("ljust", wrap("'a'.ljust(10**10)".into())),
        ("rjust", wrap("'a'.rjust(10**37)".into())),
        ("zfill", wrap("'a'.zfill(10**10)".into())),
        ("indent", wrap("'a\nb'|indent(10**9)".into())),
        ("expandtabs", wrap("('\t'*1000).expandtabs(10**9)".into())),
        ("json indent", wrap("[1]|tojson(indent=10**9)".into())),
        ("json separators", wrap("([1]*10000)|tojson(separators=('x'*100000, ':'))".into())),
        ("replace", wrap("('a'*1000000).replace('a', 'b'*1000000)|length".into())),
        ("replace filter", wrap("('a'*1000000)|replace('', 'b'*1000000)|length".into())),
        ("join", wrap("('x'*1000000).join(['a']*100000)|length".into())),
        ("join filter", wrap("(['a']*100000)|join('x'*1000000)|length".into())),
        ("split", wrap("('a '*10000000).split()|length".into())),
        ("characters", wrap("('a'*100000000)|list|length".into())),
        ("batch", wrap("[1]|batch(10**12, 0)|list".into())),
        ("slice", wrap("[1]|slice(10**12)|list".into())),
        ("largest batch", wrap("[1]|batch(2**63, 0)|list".into())),
        ("largest slice", wrap("[1]|slice(2**63)|list".into())),
        ("power", wrap("(10**10**10)|string|length".into())),
        ("escape", wrap("('<'*100000000)|e|length".into())),
        ("doubled", grow("{% set ns.x = ns.x ~ ns.x %}", "{{ ns.x|length }}")),
        ("added", grow("{% set ns.x = ns.x + ns.x %}", "{{ ns.x|length }}")),
        ("shared, json", grow(list, "{{ ns.s|tojson|length }}")),
        ("shared, printed", grow(list, "{{ ns.s }}")),
        ("shared, string", grow(list, "{{ ns.s|string|length }}")),
        ("shared, concat", grow(list, "{{ (ns.s ~ '')|length }}")),
        ("shared, percent", grow(list, "{{ ('%s' % (ns.s,))|length }}")),
        ("shared, format", grow(list, "{{ '{}'.format(ns.s)|length }}")),
        ("shared, join", grow(list, "{{ ns.s|join }}")),
        ("shared, compared", grow(twice, "{{ ns.s == ns.t }}")),
        ("shared, ordered", grow(twice, "{{ ns.s < ns.t }}")),
        ("shared, in", grow(twice, "{{ ns.s in [ns.t] }}")),
        ("shared, test", grow(twice, "{{ ns.s is eq ns.t }}")),
        ("shared, unique", grow(twice, "{{ [ns.s, ns.t]|unique|list|length }}")),
        ("shared, sorted", grow(twice, "{{ [ns.s, ns.t]|sort|length }}")),
        ("shared, grouped", grow(twice, "{{ [{'a': ns.s}, {'a': ns.t}]|groupby('a')|length }}")),
        ("shared, counted", grow(twice, "{{ [ns.s].count(ns.t) }}")),
        ("shared, changed", grow(twice, "{% for i in [ns.s, ns.t] %}{{ loop.changed(i) }}{% endfor %}")),
        ("shared tuples as a key", grow("{% set ns.s = (ns.s, ns.s) %}{% set ns.t = (ns.t, ns.t) %}", "{{ {ns.s: 1}[ns.t] }}")),
        ("shared dictionaries", grow("{% set ns.d = {'a': ns.d, 'b': ns.d} %}", "{{ ns.d|tojson|length }}")),
        ("shared by repetition", wrap("([[[[[[1]*1000]*1000]*1000]*1000]*1000]*1000)|tojson|length".into())),
        ("compared by repetition", wrap("([[[[[1]*1000]*1000]*1000]*1000]*1000) == ([[[[[1]*1000]*1000]*1000]*1000]*1000)".into())),
        ("deep list", "{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}".into()),
        ("deep namespaces", "{% set ns = namespace(s=0) %}{% for i in range(100000) %}{% set n = namespace(x=ns.s) %}{% set ns.s = n %}{% endfor %}{{ ns.s.x.x is defined }}".into()),
        ("deep mutual", "{% set ns = namespace(s=0) %}{% for i in range(100000) %}{% set n = namespace() %}{% set l = [n] %}{% set n.x = ns.s %}{% set ns.s = l %}{% endfor %}done".into()),
        ("cycle", "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns.a }}{{ ns.a|tojson }}{{ ns.a == ns.a }}".into()),
        ("deep methods", "{% set ns = namespace(s='a') %}{% for i in range(100000) %}{% set ns.s = [ns.s].index %}{% endfor %}{{ ns.s is callable }}".into()),
        ("nested loops", "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}".into()),
        ("text in loops", "{% for a in range(99999) %}{% for b in range(9999) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfor %}".into()),
        ("macro calls itself", "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}".into()),
        ("macro calls itself twice", "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}x{% endmacro %}{{ m(30)|length }}".into()),
        ("macro grows its argument", "{% macro m(n, s) %}{% if n %}{{ m(n - 1, [s, s]) }}{% else %}{{ s|tojson }}{% endif %}{% endmacro %}{{ m(60, 1) }}".into()),
        ("macros call each other", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}".into()),
        ("caller calls itself", "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}".into()),
        ("recursive loop", "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}".into()),
        ("recursive loop of itself", "{% set ns = namespace(l=[1]) %}{% for x in ns.l recursive %}{{ loop(ns.l) }}{{ loop(ns.l) }}{% endfor %}".into()),
        ("default arguments", "{% macro m(a=m()) %}{% endmacro %}{{ m() }}".into()),
        ("many macros", "{% for i in range(100000) %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}".into()),
        ("sets of text", "{% set ns = namespace(x='a'*1000000) %}{% for i in range(99999) %}{% set ns.x = ns.x|upper %}{% endfor %}".into()),
        ("kept texts", "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = ns.x + ['a' * 100000] %}{% endfor %}".into()),
        ("scans", "{% set x = 'a'*10000000 %}{% for i in range(99999) %}{% if 'b' in x %}{% endif %}{{ x.find('b') }}{{ x.count('b') }}{% endfor %}".into()),
        ("lengths", "{% set x = 'é'*10000000 %}{% for i in range(99999) %}{{ x|length }}{{ x[-1] }}{{ x[5:6] }}{% endfor %}".into()),
        ("strips", "{% set x = 'a'*10000000 %}{% for i in range(99999) %}{{ x.strip('abcdefgh'*100) }}{% endfor %}".into()),
        ("quadratic find", "{% set x = 'a'*1000000 %}{{ x.find('a'*500000 ~ 'b') }}{{ x.count('a'*500000 ~ 'b') }}".into()),
        ("bad numbers", wrap("1e400 ~ 1e-400 ~ '{:d}'.format(10**38) ~ (-10**38)//-1 ~ (10**38 % -7) ~ [1][10**38] ~ 'a'[-10**38:] ~ [1,2][10**38::10**38]".into())),
        ("smallest number", wrap("(-2**126 - 2**126) // -1".into())),
        ("smallest number, rest", wrap("(-2**126 - 2**126) % -1".into())),
        ("smallest number, places", wrap("[1][-2**126-2**126:-2**126-2**126:-2**126-2**126] ~ 'a'.center(-2**126-2**126) ~ ((-2**126-2**126) in range(3))".into())),
        ("no end of a tag", "{{".repeat(200_000)),
        ("no end of comments", "{#".repeat(200_000)),
        ("no end of raw", "{% raw %}".to_owned() + &"{% ".repeat(100_000)),
    ];
    let mut slow = Vec::new();
    for (name, source) in cases {
        PEAK.reset_peak_usage();
        let (before, clock) = (PEAK.current_usage_as_mb(), std::time::Instant::now());
        let result = outcome(source);
        let used = PEAK.peak_usage_as_mb() - before;
        assert!(used < BOUND, "{name}: {used} MB");
        let seconds = clock.elapsed().as_secs_f32();
        slow.push((seconds, used, name));
        // A machine that is busy needs longer; what would never end needs hours.
        assert!(seconds < 60.0, "{name}: {seconds} s");
        if let Ok(text) = result {
            assert!(text.len() < 140 << 20, "{name}: {} bytes", text.len());
        }
    }
    slow.sort_by(|a, b| b.0.total_cmp(&a.0));
    eprintln!("slowest: {:?}", &slow[..6.min(slow.len())]);
}

/// Chains are no nesting: they are rendered, however long.
#[test]
fn long_chains_are_rendered() {
    let text = |source: String| outcome(source).unwrap();
    assert_eq!(text("{{ ".to_owned() + &"-".repeat(16_000) + "1 }}"), "1");
    assert_eq!(text("{{ 1".to_owned() + &"+1".repeat(20_000) + " }}"), "20001");
    assert_eq!(text("{{ [1]".to_owned() + &"|list".repeat(2_000) + " }}"), "[1]");
    assert_eq!(text("{{ ".to_owned() + &"not ".repeat(9_999) + "1 }}"), "False");
    let elifs = "{% if 0 %}".to_owned() + &"{% elif 0 %}".repeat(9_999) + "{% else %}y{% endif %}";
    assert_eq!(text(elifs), "y");
}

/// What a template says reaches a message without what a terminal obeys, and without
/// the texts of the conversation.
#[test]
fn words_of_templates_are_safe_to_print() {
    let error = |source: &str| {
        let messages = [Message::user("a secret of twenty letters"), Message::assistant("Hi")];
        let template = ChatTemplate::new("t", source, None)?;
        template.render(&messages, &BTreeMap::new(), false).map(|r| r.text)
    };
    let shown = |source: &str| error(source).unwrap_err().to_string();
    let raised = shown("{{ raise_exception('no\\x1b]0;title\\x07 \\u202e \\u2066 system') }}");
    assert_eq!(
        raised,
        "chat template t refuses the conversation: no\\u{1b}]0;title\\u{7} \\u{202e} \\u{2066} system"
    );
    let told = shown("{{ raise_exception('bad: ' ~ messages[0].content ~ '!') }}");
    assert_eq!(told, "chat template t refuses the conversation: bad: …!");
    let long = "x".repeat(10_000);
    let cut = shown(&("{{ raise_exception('".to_owned() + &long + "') }}"));
    assert!(cut.contains("xxxx") && cut.len() < 500, "{cut}");
    let syntax = shown("{% \u{202e}nope\x1b %}");
    assert!(!syntax.contains(['\u{202e}', '\x1b']), "{syntax}");
    for source in [
        "{{ messages[0].content.nope() }}",
        "{{ messages[0].content + 1 }}",
        "{{ messages[0].content | int + 'a' }}",
        "{{ {}[messages[0].content].x }}",
        "{{ messages[0][messages[0].content].x }}",
        "{{ '%d' % messages[0].content }}",
    ] {
        assert!(!shown(source).contains("secret"), "{source}");
    }
}

//! What errors of templates show: literals of the template, and nothing that it computes.

use std::collections::BTreeMap;

use seal_data::chat::{ChatTemplate, Message};

/// No letter of a row stands in an error, whatever a template makes of it. The row is in Greek,
/// and no template here is.
#[test]
fn errors_of_templates_show_nothing_that_is_computed() {
    let row = "μυστικό κείμενο {κλειδί} %(κλειδί)s %ζ {0.κλειδί}";
    let own = BTreeMap::from([("named".to_owned(), "Όνομα".to_owned())]);
    let error = |source: &str| {
        let messages = [Message::user(row), Message::assistant("ναι")];
        let template = ChatTemplate::new("t", source, "2024-07-26".parse().ok()).unwrap();
        template.render(&messages, &own, false).unwrap_err().to_string()
    };
    let greek =
        |c: char| ('\u{370}'..='\u{3ff}').contains(&c) || ('\u{1f00}'..).contains(&c) && c != '…';
    let computed = [
        "t",
        "t[3:9]",
        "t[0]",
        "t|upper",
        "t.upper()",
        "t|tojson",
        "t|tojson(ensure_ascii=true)",
        "messages|tojson",
        "messages",
        "t|escape",
        "t|safe",
        "t|reverse",
        "t|title",
        "t|trim",
        "t|truncate(9)",
        "t|indent",
        "t|center(80)",
        "t.split()",
        "t.split('κ')|join('-')",
        "t.replace('μ', 'm')",
        "t|replace('a', 'b')",
        "t|list|first",
        "t|list|join(' ')",
        "t|map('upper')|join",
        "'%s' % t",
        "'%r' % t",
        "'%(x)s' % {'x': t}",
        "'{}'.format(t)",
        "'{0!r:>90}'.format(t)",
        "'{x}'.format(x=t)",
        "'%s'|format(t)",
        "t.format('a', **{'κ': 1})",
        "t ~ ''",
        "'' ~ t",
        "'' + t",
        "t + ''",
        "t * 2",
        "('a' ~ t)|upper",
        "'a' ~ ('b' if t else 'c') ~ (t if t else 'c')",
        "t if t else 'no'",
        "('a' ~ t) if t else 'no'",
        "'a' if not t else t",
        "t or 'no'",
        "none or t",
        "{'a': t}.a",
        "[t][0]",
        "{t: 'b'}|first",
        "namespace(a=t).a",
        "named",
        "copied",
        "captured",
        "quoted('x')",
        "(messages|map(attribute='content')|list)",
        "messages[0].get('content')",
        "t|wordcount ~ t",
        "t|default('no')",
        "x|default(t)",
    ];
    let given = "{% set t = messages[0].content %}{% set copied = t[1:] %}\
         {% set captured %}{{ t }}{% endset %}{% macro quoted(x) %}{{ t }}{% endmacro %}";
    // A literal of the template may be of any letters, and is shown.
    let shown = |error: &str, source: &str| {
        let literal = source.contains(['κ', 'μ']);
        assert!(literal || !error.contains(greek), "{source}: {error}");
        for part in ["03bc", "3BC", "&#", "μυστ", "ΜΥΣΤ", "κείμ", "μστικό"] {
            assert!(!error.contains(part), "{source}: {error}");
        }
    };
    for expression in computed {
        for call in [
            format!("{{{{ raise_exception({expression}) }}}}"),
            format!("{{{{ raise_exception(message={expression}) }}}}"),
            format!("{{{{ raise_exception(*[{expression}]) }}}}"),
            format!("{{% set raise = raise_exception %}}{{{{ raise({expression}) }}}}"),
            format!("{{% call raise_exception({expression}) %}}{{% endcall %}}"),
            format!(
                "{{% macro f(m) %}}{{{{ raise_exception(m) }}}}{{% endmacro %}}{{{{ f({expression}) }}}}"
            ),
        ] {
            shown(&error(&(given.to_owned() + &call)), expression);
        }
    }
    // Errors of the engine itself.
    let mut refused = 0;
    for expression in [
        "t % {}",
        "t % 1",
        "t.format()",
        "t.format(1)",
        "('%(' ~ t ~ ')s') % {}",
        "('{' ~ t[0] ~ '}').format()",
        "('{0.' ~ t[0] ~ '}').format('a') + 1",
        "'{0[κ]}'.format('a') + 1",
        "('{:' ~ t[0] ~ '}').format(1)",
        "('%' ~ t[0]) % 1",
        "strftime_now('%' ~ t[0])",
        "strftime_now('%-' ~ t[1])",
        "[1]|map(t)|list",
        "[1]|select(t)|list",
        "[1]|selectattr('a', t)|list",
        "[1]|map(attribute=t)|list|first + 1",
        "messages|map(attribute=t)|list|first + 1",
        "messages|sort(attribute=t)",
        "messages|groupby(t)",
        "messages|sum(attribute=t)",
        "(messages|attr(t)) + 1",
        "(messages[0]|attr(t))() ",
        "(t|attr(t)).x",
        "messages[0][t] + 1",
        "messages[0][t].x",
        "messages[t].x",
        "{}[t].x",
        "t[t].x",
        "t[t:]",
        "loop[t]",
        "dict(**{t: 1}).nope.x",
        "range(**{t: 1})",
        "range(t)",
        "t|center(**{t: 1})",
        "t.split(**{t: 1})",
        "[1]|map('center', **{t: 1})|list",
        "f(**{t: 1})",
        "f(1, **{'x': t})",
        "raise_exception(**{t: 1})",
        "t|int(base=t)",
        "t.index(t ~ t)",
        "t.nope()",
        "t()",
        "-t",
        "t + 1",
        "t < 1",
        "1 in 1 ~ t in 1",
        "t|abs",
        "t|round",
        "t|tojson(separators=t)",
        "[t]|min + 1",
        "t|dictsort",
        "t|items",
        "t|truncate(1, end=t)",
        "t.center(9, t)",
        "t.join(1)",
        "{[t]: 1}",
        "dict(t)",
        "dict([t])",
        "namespace(a=1)[t] + 1",
        "cycler(t).nope",
        "t|batch(t)",
        "t|slice(0)",
    ] {
        let macros = "{% macro f(x) %}{% endmacro %}{% set t = messages[0].content %}{{ ";
        let source = macros.to_owned() + expression + " }}";
        let messages = [Message::user(row), Message::assistant("ναι")];
        let read = ChatTemplate::new("t", &source, "2024-07-26".parse().ok());
        let done = read.and_then(|template| template.render(&messages, &own, false));
        if let Err(error) = done {
            refused += 1;
            shown(&error.to_string(), expression);
        }
    }
    assert!(refused > 50, "{refused}");
    let unpacked = "{% set a, b = messages[0].content %}";
    assert!(!error(unpacked).contains(greek));
}

/// The template's own words are shown, however they reach the call.
#[test]
fn literals_of_a_template_are_shown_in_its_errors() {
    let error = |source: &str| {
        let messages = [Message::user("a row"), Message::assistant("Hi")];
        let template = ChatTemplate::new("t", source, None).unwrap();
        let error = template.render(&messages, &BTreeMap::new(), false).unwrap_err().to_string();
        error.strip_prefix("chat template t refuses the conversation: ").unwrap().to_owned()
    };
    for (source, words) in [
        ("{{ raise_exception('No system role') }}", "No system role"),
        ("{{ raise_exception(message='No system role') }}", "No system role"),
        ("{{ raise_exception('No ' 'system') }}", "No system"),
        ("{{ raise_exception('No ' + 'system') }}", "No system"),
        ("{{ raise_exception('Role ' ~ messages[0].role ~ ', not ' ~ 1) }}", "Role …, not 1"),
        ("{{ raise_exception('Role ' + messages[0].role|upper + '.') }}", "Role …."),
        ("{{ raise_exception('Role %s' % messages[0].role) }}", "Role %s"),
        ("{{ raise_exception('Role {}'.format(messages[0].role)) }}", "Role {}"),
        ("{{ raise_exception('Role %s'|format(messages[0].role)) }}", "Role %s"),
        ("{{ raise_exception('a' if messages else 'b') }}", "a"),
        ("{{ raise_exception(('a' ~ 1) if not messages else ('b' ~ 2)) }}", "b2"),
        ("{% set m = 'No system' %}{{ raise_exception(m) }}", "No system"),
        (
            "{% macro no(m) %}{{ raise_exception(m) }}{% endmacro %}{{ no('No system') }}",
            "No system",
        ),
        ("{{ raise_exception({'a': 'No system'}['a']) }}", "No system"),
        ("{{ raise_exception(messages[0].content) }}", "…"),
        ("{{ raise_exception(messages[0].content ~ messages) }}", "…"),
        ("{{ raise_exception() }}", ""),
    ] {
        assert_eq!(error(source), words, "{source}");
    }
}

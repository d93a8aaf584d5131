//! The schema as a whole: what a client generator, a reader of the SDL, or a breaking change would notice.

mod roots;

use std::{collections::BTreeSet, path::Path};

use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition},
};

use super::sdl;

fn types() -> Vec<TypeDefinition> {
    let document = parse_schema(sdl()).unwrap();
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    types.collect()
}

fn fields(definition: &TypeDefinition) -> Vec<&FieldDefinition> {
    match &definition.kind {
        TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
        TypeKind::Interface(interface) => interface.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

fn root(name: &str) -> Vec<FieldDefinition> {
    let types = types();
    let root = types.iter().find(|definition| definition.name.node == name).unwrap();
    fields(root).into_iter().cloned().collect()
}

#[test]
fn the_committed_schema_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == sdl(),
        "schema.graphql differs: `cargo run -- schema > schema.graphql`, and look at what changed for clients"
    );
}

#[test]
fn everything_is_described() {
    let mut bare = Vec::new();
    let mut note = |described: bool, what: String| {
        if !described {
            bare.push(what);
        }
    };
    for definition in types() {
        let name = &definition.name.node;
        note(definition.description.is_some(), name.to_string());
        for field in fields(&definition) {
            note(field.description.is_some(), format!("{name}.{}", field.name.node));
            for argument in &field.arguments {
                let argument = &argument.node;
                let what = format!("{name}.{}({}:)", field.name.node, argument.name.node);
                note(argument.description.is_some(), what);
            }
        }
        for input in inputs(&definition) {
            note(input.description.is_some(), format!("{name}.{}", input.name.node));
        }
        if let TypeKind::Enum(values) = &definition.kind {
            for value in &values.values {
                note(value.node.description.is_some(), format!("{name}.{}", value.node.value.node));
            }
        }
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}

fn inputs(definition: &TypeDefinition) -> Vec<&InputValueDefinition> {
    match &definition.kind {
        TypeKind::InputObject(input) => input.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_type_with_an_id_is_a_node() {
    for definition in types() {
        let TypeKind::Object(object) = &definition.kind else { continue };
        let has_id = object
            .fields
            .iter()
            .any(|field| field.node.name.node == "id" && field.node.ty.node.to_string() == "ID!");
        let is_node = object.implements.iter().any(|interface| interface.node == "Node");
        assert_eq!(has_id, is_node, "{}", definition.name.node);
    }
}

#[test]
fn mutations_take_one_input_and_give_a_payload() {
    let types = types();
    for mutation in root("Mutation") {
        let name = &mutation.name.node;
        assert_eq!(mutation.arguments.len(), 1, "{name}");
        assert_eq!(mutation.arguments[0].node.name.node, "input", "{name}");
        let given = mutation.ty.node.to_string();
        let payload = given.strip_suffix("Payload!").expect("a payload that is never null");
        assert_eq!(payload.to_lowercase(), name.to_lowercase());
        let payload = types.iter().find(|found| format!("{}!", found.name.node) == given).unwrap();
        for field in fields(payload) {
            let expected = field.name.node == "userErrors";
            let ty = field.ty.node.to_string();
            assert_eq!(expected, ty == "[UserError!]!", "{given} {}", field.name.node);
            assert!(expected || field.ty.node.nullable, "{given} {}", field.name.node);
        }
    }
}

#[test]
fn subscriptions_give_edges_with_a_cursor_and_resume() {
    let types = types();
    for subscription in root("Subscription") {
        let given = subscription.ty.node.to_string();
        let edge =
            given.strip_suffix('!').filter(|name| name.ends_with("Edge")).expect("an edge, never null");
        let edge = types.iter().find(|found| found.name.node == edge).unwrap();
        let names: BTreeSet<_> = fields(edge).iter().map(|field| field.name.node.to_string()).collect();
        assert!(names.contains("cursor") && names.contains("node"), "{given}");
        assert!(subscription.arguments.iter().any(|argument| argument.node.name.node == "after"), "{given}");
    }
}

#[test]
fn scalars_name_their_specifications_and_one_of_is_said() {
    let sdl = sdl();
    for line in sdl.lines().filter(|line| line.starts_with("scalar ")) {
        assert!(line.contains("@specifiedBy(url: \"https://"), "{line}");
    }
    assert!(sdl.contains("input MessageRecipientInput @oneOf"));
}

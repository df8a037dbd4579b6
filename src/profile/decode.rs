//! Decodes typed structs from a located tree, reporting every mistake with its place.
//!
//! Serde stops at the first error. Two things make it go on: unknown fields are recorded and left
//! out before the struct sees them, and after an error the offending node is left out and the
//! struct is decoded again, until nothing new is found.

use std::cell::{Cell, RefCell};

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use super::mistake::{Error, plain};
use super::node::{Node, Place, Problem, Problems, Value, suggest};

/// Decodes `T` from `node`. Problems are added to the list; `None` when there was any.
pub(crate) fn decode<T: DeserializeOwned>(node: &Node, problems: &mut Problems) -> Option<T> {
    let session = Session::default();
    let mut found: Vec<Problem> = Vec::new();
    let mut decoded = None;
    for _ in 0..32 {
        session.unknown.borrow_mut().clear();
        match T::deserialize(Located {
            node,
            session: &session,
        }) {
            Ok(value) => {
                decoded = Some(value);
                break;
            }
            Err(error) => {
                let at = error.at.unwrap_or(node.at);
                if !is_news(node, at, &session.left_out.borrow()) {
                    // Wrong only because of a value inside it that was reported, or is not known here.
                    let known = session.left_out.borrow().contains(&at);
                    if at == node.at || known {
                        break;
                    }
                    session.left_out.borrow_mut().push(at);
                    continue;
                }
                if session.left_out.borrow().contains(&at)
                    || session
                        .left_out
                        .borrow()
                        .iter()
                        .any(|_| error.missing.is_some())
                {
                    // A field is missing only because its value was bad: already reported.
                    break;
                }
                let misspelt = error.missing.is_some_and(|field| {
                    let guess = format!("did you mean `{field}`?");
                    let unknown = session.unknown.borrow();
                    unknown
                        .iter()
                        .any(|problem| problem.help.as_deref() == Some(guess.as_str()))
                });
                if misspelt {
                    break;
                }
                found.push(Problem {
                    at: Some(at),
                    other: None,
                    message: error.message,
                    help: error.help,
                });
                if error.missing.is_some() || at == node.at {
                    break;
                }
                session.left_out.borrow_mut().push(at);
            }
        }
    }
    let mut all: Vec<Problem> = session.unknown.into_inner();
    all.extend(found);
    if all.is_empty() {
        // Without what is not known here, what was decoded is not what is meant.
        return decoded.filter(|_| session.left_out.borrow().is_empty());
    }
    all.sort_by_key(|problem| problem.at.map(|at| (at.file, at.line, at.column)));
    problems.list.extend(all);
    None
}

/// Whether an error at a place says something new: nothing inside it was left out before, and
/// everything inside it is known.
fn is_news(root: &Node, at: Place, left_out: &[Place]) -> bool {
    root.find(&|node| node.at == at).is_none_or(|culprit| {
        let inside = |node: &Node| node.at != at && left_out.contains(&node.at);
        !culprit.any(&|node| node.unknown || inside(node))
    })
}

/// What is remembered between attempts.
#[derive(Default)]
struct Session {
    /// Unknown fields met in the current attempt.
    unknown: RefCell<Vec<Problem>>,
    /// Places of values already reported: treated as absent.
    left_out: RefCell<Vec<Place>>,
}

/// A deserializer over one node.
#[derive(Clone, Copy)]
struct Located<'a> {
    /// The node.
    node: &'a Node,
    /// The attempt it belongs to.
    session: &'a Session,
}

impl<'a> Located<'a> {
    /// The same session, another node.
    fn of(self, node: &'a Node) -> Self {
        Self {
            node,
            session: self.session,
        }
    }

    /// Whether this node was reported already.
    fn is_left_out(self, node: &Node) -> bool {
        self.session.left_out.borrow().contains(&node.at)
    }

    /// Places the error at this node.
    fn place<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| error.at(self.node.at))
    }

    /// Reads a mapping. What the visitor finds wrong by itself is placed at the entry it read last, at
    /// the mapping when it has read them all.
    fn entries<'de, V: Visitor<'de>>(
        self,
        entries: &'a [(Node, Node)],
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let last = Cell::new(None);
        let result = visitor.visit_map(Entries {
            rest: entries,
            value: None,
            known,
            parent: self,
            last: &last,
        });
        result.map_err(|error| error.at(last.get().unwrap_or(self.node.at)))
    }

    /// "expected X, found Y".
    fn mismatch(self, expected: &dyn de::Expected, help: Option<String>) -> Error {
        Error::new(
            format!(
                "expected {}, found {}",
                plain(expected),
                self.node.type_name()
            ),
            help,
        )
        .at(self.node.at)
    }
}

/// Text that came in through interpolation may stand for a number or a boolean.
macro_rules! number {
    ($method:ident) => {
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match &self.node.value {
                Value::Int(i) => {
                    let result = match u64::try_from(*i) {
                        Ok(unsigned) => visitor.visit_u64(unsigned),
                        Err(_) => visitor.visit_i64(*i),
                    };
                    self.place(result)
                }
                Value::Float(f) => self.place(visitor.visit_f64(*f)),
                Value::Str(text) => match text.trim().parse::<i64>() {
                    Ok(number) => {
                        let result = match u64::try_from(number) {
                            Ok(unsigned) => visitor.visit_u64(unsigned),
                            Err(_) => visitor.visit_i64(number),
                        };
                        self.place(result)
                    }
                    Err(_) => match text.trim().parse::<f64>() {
                        Ok(number) if number.is_finite() => self.place(visitor.visit_f64(number)),
                        _ => Err(self.mismatch(&visitor, None)),
                    },
                },
                _ => Err(self.mismatch(&visitor, None)),
            }
        }
    };
}

impl<'de> Deserializer<'de> for Located<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Int(i) => visitor.visit_i64(*i),
            Value::Float(f) => visitor.visit_f64(*f),
            Value::Str(s) => visitor.visit_str(s),
            Value::Seq(items) => visitor.visit_seq(Items {
                rest: items,
                parent: self,
            }),
            Value::Map(entries) => self.entries(entries, None, visitor),
        };
        self.place(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Bool(b) => self.place(visitor.visit_bool(*b)),
            Value::Str(text) if text == "true" => self.place(visitor.visit_bool(true)),
            Value::Str(text) if text == "false" => self.place(visitor.visit_bool(false)),
            _ => Err(self.mismatch(&"true or false", None)),
        }
    }

    number!(deserialize_i8);
    number!(deserialize_i16);
    number!(deserialize_i32);
    number!(deserialize_i64);
    number!(deserialize_u8);
    number!(deserialize_u16);
    number!(deserialize_u32);
    number!(deserialize_u64);
    number!(deserialize_f32);
    number!(deserialize_f64);

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Str(text) => self.place(visitor.visit_str(text)),
            Value::Null => Err(self.mismatch(&"text", None)),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                Err(self.mismatch(&"text", Some("put it in quotes".to_owned())))
            }
            Value::Seq(_) | Value::Map(_) => Err(self.mismatch(&"text", None)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => self.place(visitor.visit_some(self)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.place(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Seq(items) => self.place(visitor.visit_seq(Items {
                rest: items,
                parent: self,
            })),
            _ => Err(self.mismatch(&"a list", Some("write it as `[…]`".to_owned()))),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(entries) => self.entries(entries, None, visitor),
            _ => Err(self.mismatch(&"a mapping", None)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(entries) => self.entries(entries, Some(fields), visitor),
            Value::Null => self.entries(&[], Some(fields), visitor),
            _ => {
                let mut names: Vec<String> = fields
                    .iter()
                    .take(12)
                    .map(|field| format!("`{field}`"))
                    .collect();
                names.sort();
                let help = format!("its fields are {}", names.join(", "));
                Err(self.mismatch(&"a mapping", Some(help)))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Str(text) => {
                let inner: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
                self.place(visitor.visit_enum(inner))
            }
            Value::Map(entries) => match entries.as_slice() {
                [(key, value)] => self.place(visitor.visit_enum(Variant {
                    key: self.of(key),
                    value: self.of(value),
                })),
                _ => Err(Error::new(
                    "expected exactly one of several fields here",
                    Some(suggest("", variants.iter().copied())),
                )
                .at(self.node.at)),
            },
            _ => Err(self.mismatch(
                &"one of several words",
                Some(suggest("", variants.iter().copied())),
            )),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.scalar_text() {
            Some(text) => self.place(visitor.visit_str(&text)),
            None => Err(self.mismatch(&"a field name", None)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

/// The items of a list.
struct Items<'a> {
    /// Not yet read.
    rest: &'a [Node],
    /// The list.
    parent: Located<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        while let Some((first, rest)) = self.rest.split_first() {
            self.rest = rest;
            if self.parent.is_left_out(first) {
                continue;
            }
            let item = self.parent.of(first);
            return item.place(seed.deserialize(item)).map(Some);
        }
        Ok(None)
    }
}

/// The entries of a mapping.
struct Entries<'a, 'b> {
    /// Not yet read.
    rest: &'a [(Node, Node)],
    /// The value whose key was read.
    value: Option<&'a Node>,
    /// The fields of the struct, when it is one.
    known: Option<&'static [&'static str]>,
    /// The mapping.
    parent: Located<'a>,
    /// Where the key or value stands that was read last.
    last: &'b Cell<Option<Place>>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        while let Some(((key, value), rest)) = self.rest.split_first() {
            self.rest = rest;
            if self.parent.is_left_out(value) || self.parent.is_left_out(key) {
                continue;
            }
            let name = key.scalar_text().unwrap_or_default();
            if let Some(known) = self.known
                && !known.contains(&name.as_str())
            {
                self.parent.session.unknown.borrow_mut().push(Problem {
                    at: Some(key.at),
                    other: None,
                    message: format!("unknown field `{name}`"),
                    help: Some(suggest(&name, known.iter().copied())),
                });
                continue;
            }
            self.value = Some(value);
            self.last.set(Some(key.at));
            let key = self.parent.of(key);
            return match &key.node.value {
                // Map keys are text whatever YAML made of them: `404: …`, `true: …`.
                Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Null => {
                    let text: StrDeserializer<'_, Error> = name.as_str().into_deserializer();
                    key.place(seed.deserialize(text)).map(Some)
                }
                _ => key.place(seed.deserialize(key)).map(Some),
            };
        }
        self.last.set(None);
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let node = self.value.take().unwrap_or(self.parent.node);
        self.last.set(Some(node.at));
        let value = self.parent.of(node);
        value.place(seed.deserialize(value))
    }
}

/// An externally tagged variant: `{ name: content }`.
struct Variant<'a> {
    /// The variant's name.
    key: Located<'a>,
    /// Its content.
    value: Located<'a>,
}

impl<'de, 'a> de::EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Located<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Located<'a>), Error> {
        let name = self.key.place(seed.deserialize(self.key))?;
        Ok((name, self.value))
    }
}

impl<'de> de::VariantAccess<'de> for Located<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.node.value {
            Value::Null => Ok(()),
            _ => Err(self.mismatch(&"nothing after this word", None)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.place(seed.deserialize(self))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}

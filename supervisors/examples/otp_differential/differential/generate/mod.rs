//! Random cases from a seed.

mod script;
mod themes;
mod tree;

use fastrand::Rng;

use super::case::{Case, Form, Sup, What};

/// A case drawn from `seed`.
pub(crate) fn case(seed: u64) -> Case {
    let rng = &mut Rng::with_seed(seed);
    match seed % 28 {
        0..=5 => return themes::siblings(rng),
        6 => return themes::failing_sibling(rng),
        7 => return themes::window(rng),
        8..=13 => return themes::significant(rng),
        14..=15 => return themes::requests(rng),
        16..=18 => return themes::template(rng),
        19..=20 => return themes::nested(rng),
        21..=22 => return themes::births(rng),
        _ => {}
    }
    let bounds = Bounds::draw(rng);
    let root = tree::root(rng, bounds);
    let script = script::script(rng, bounds, &root);
    Case { root, script }
}

/// What a case may have, because not all goes together.
#[derive(Clone, Copy)]
struct Bounds {
    /// Supervisors are killed. Then nobody has a name, which an old tree may still hold while the new one starts
    /// (OTP-134), and nobody is without a link, who would live on for ever (OTP-035).
    kills: bool,
}

impl Bounds {
    fn draw(rng: &mut Rng) -> Self {
        Self { kills: rng.u8(..3) == 0 }
    }
}

/// Who is in a tree, so that a script meets them.
struct Cast {
    /// Static supervisors, each with the ids of its workers.
    statics: Vec<(String, Vec<String>)>,
    /// Supervisors of templates, each with the id of the template.
    templates: Vec<(String, String)>,
    /// Supervisors that are not the root.
    inner: Vec<String>,
}

impl Cast {
    fn of(root: &Sup) -> Self {
        let mut cast = Self { statics: Vec::new(), templates: Vec::new(), inner: Vec::new() };
        for sup in root.supervisors() {
            if sup.id != "root" {
                cast.inner.push(sup.id.clone());
            }
            if sup.form == Form::Template {
                cast.templates.push((sup.id.clone(), sup.children[0].id().to_owned()));
            } else {
                let workers = sup.children.iter().filter(|kid| matches!(kid.what, What::Worker(_)));
                cast.statics.push((sup.id.clone(), workers.map(|kid| kid.id().to_owned()).collect()));
            }
        }
        cast
    }

    /// A worker that may run: mostly one of the tree.
    fn worker(&self, rng: &mut Rng) -> String {
        if self.statics.is_empty() || !self.templates.is_empty() && rng.u8(..3) == 0 {
            let (_, id) = &self.templates[rng.usize(..self.templates.len())];
            return format!("{id}{}", pick(rng, &LABELS));
        }
        let (_, workers) = &self.statics[rng.usize(..self.statics.len())];
        if workers.is_empty() || rng.u8(..8) == 0 {
            return pick(rng, &WORKERS).to_owned();
        }
        pick(rng, workers)
    }
}

const WORKERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const SUPERVISORS: [&str; 3] = ["s", "t", "v"];
/// Ids of templates; their children have a label behind it.
const TEMPLATES: [&str; 2] = ["p", "q"];
const LABELS: [&str; 3] = ["x", "y", "z"];

fn pick<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())].clone()
}

//! A reward model on the answers of a file.

use std::io::Write as _;

use seal_judge::pointwise::{PointCanary, count_reward_canaries, reward_figures, with_canaries};
use seal_model::{RewardModel, RewardTable};

use super::answer_files::AnswerFiles;
use super::judge_ahead::print_ahead;
use super::point_figures::{check_missing, common, figure, left_out, say_notices, say_rest};
use crate::plain;
use crate::steps::StepProgress;

/// Scores what is missing and prints the figures.
pub(super) fn run(files: &AnswerFiles<'_>) -> anyhow::Result<()> {
    let table = RewardTable::parse(&files.text, files.table)?;
    let items = with_canaries(&files.items, &PointCanary::OF_REWARD, table.canaries);
    if files.dry_run {
        let ahead = table.ahead(&files.request, &items, files.verdicts);
        return print_ahead(files, (&table.model.path, &items), ahead);
    }
    let model = RewardModel::open(&table, &files.request)?;
    say_notices(model.notices(), files.verbosity)?;
    let steps = StepProgress::new("scoring", files.verbosity);
    let judged = model.judge(&items, files.verdicts, &mut |done, of| steps.at(done, of))?;
    let left_out = left_out(files, &judged);
    let found = reward_figures(&judged.records, left_out);
    let canaries = count_reward_canaries(&items, &judged.records, table.tie);
    let mut out = plain::stdout();
    figure(&mut out, "mean_score", found.mean_score)?;
    figure(&mut out, "score_sd", found.score_sd)?;
    for (name, count) in [
        ("n_total", found.answers),
        ("n_scored", found.scored),
        ("missing", found.missing),
        ("cut_answers", found.cut),
    ] {
        figure(&mut out, name, Some(count as f64))?;
    }
    common(&mut out, files, &judged, &canaries)?;
    if judged.scored_elsewhere > 0 && !files.verbosity.quiet {
        writeln!(
            plain::stderr(),
            "{} rows end in the token that the model's config.json calls pad_token_id: transformers \
             scores such a row one token earlier, and here its last token counts",
            judged.scored_elsewhere
        )?;
    }
    say_rest(files, &judged, found.cut, &canaries)?;
    Ok(check_missing(found.missing, found.answers, (0, left_out), table.max_missing)?)
}

//! An organisation's own words.

use entity::{enums::Role, ids::KeywordId};

use super::*;
use crate::{
    base::error::ErrorCode,
    features::contacts::keywords::{SaveKeywordInput, delete, list, reply_to, save},
};

fn word(word: &str) -> SaveKeywordInput {
    SaveKeywordInput { id: None, word: word.to_owned(), reply: "Open 9 to 5.".into(), active: true }
}

async fn reply(ctx: &Ctx, body: &str) -> Option<String> {
    reply_to(ctx.db(), ctx.organization().unwrap(), body).await.unwrap().map(|row| row.reply)
}

#[tokio::test]
async fn a_whole_message_of_an_active_word_is_answered() {
    let world = World::new().await;
    let (ctx, stranger) = (world.admin().await, world.admin().await);
    let made = save(&ctx, word("hours")).await.unwrap();
    assert_eq!(made.word, "HOURS");
    assert_eq!(reply(&ctx, " Hours\n").await.as_deref(), Some("Open 9 to 5."));
    assert_eq!(reply(&ctx, "your hours?").await, None);
    assert_eq!(reply(&stranger, "hours").await, None);
    let silent = save(&ctx, SaveKeywordInput { active: false, ..word("HOURS") }).await.unwrap();
    assert_eq!(silent.id, made.id);
    assert_eq!(reply(&ctx, "hours").await, None);
    let renamed = save(&ctx, SaveKeywordInput { id: Some(made.id), ..word("times") }).await.unwrap();
    assert_eq!((renamed.id, renamed.word.as_str()), (made.id, "TIMES"));
    assert_eq!(list(&ctx).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_carriers_words_cannot_be_shadowed() {
    let world = World::new().await;
    let ctx = world.admin().await;
    for taken in ["stop", "OptOut", "START", "yes", "help", "Info", "two words", "", "semi;colon"] {
        let error = save(&ctx, word(taken)).await.expect_err(taken);
        assert_eq!(error.field, ["input", "word"], "{taken}");
    }
    let silent = save(&ctx, SaveKeywordInput { reply: " ".into(), ..word("hours") }).await.unwrap_err();
    assert_eq!(silent.field, ["input", "reply"]);
}

#[tokio::test]
async fn words_of_others_answer_as_missing_ones() {
    let world = World::new().await;
    let (ctx, stranger) = (world.admin().await, world.admin().await);
    let made = save(&ctx, word("hours")).await.unwrap();
    for id in [made.id, KeywordId::new()] {
        let input = SaveKeywordInput { id: Some(id), ..word("mine") };
        assert_eq!(save(&stranger, input).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(delete(&stranger, id).await.unwrap_err().code, ErrorCode::NotFound);
    }
    save(&stranger, word("hours")).await.unwrap();
    let other = save(&ctx, word("times")).await.unwrap();
    let clash = SaveKeywordInput { id: Some(other.id), ..word("hours") };
    assert_eq!(save(&ctx, clash).await.unwrap_err().code, ErrorCode::Conflict);
    let agent = world.colleague(&ctx, Role::Agent);
    assert_eq!(save(&agent, word("agent")).await.unwrap_err().code, ErrorCode::Forbidden);
    assert_eq!(delete(&ctx, made.id).await.unwrap(), made.id);
    assert_eq!(list(&ctx).await.unwrap().len(), 1);
}

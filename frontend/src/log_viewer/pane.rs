//! The lines on the page. Made by hand and not by a view: tens of thousands of rows must not be compared at each new one.
//!
//! Rows stand in blocks, and the browser lays out only the blocks that are in sight (`content-visibility`). All text is set
//! as text, never as HTML.

use std::collections::VecDeque;

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use super::ansi;

const BLOCK: usize = 200;
/// Height of a row that is not wrapped, in pixels; the style sheet says the same.
const ROW_PX: usize = 20;

struct Block {
    element: HtmlElement,
    rows: usize,
}

/// The rows inside of a scrolling element.
pub(super) struct Pane {
    scroller: HtmlElement,
    blocks: VecDeque<Block>,
}

impl Pane {
    /// An empty pane in this element.
    pub(super) fn new(scroller: HtmlElement) -> Self {
        Self { scroller, blocks: VecDeque::new() }
    }

    /// Removes all rows.
    pub(super) fn clear(&mut self) {
        for block in self.blocks.drain(..) {
            block.element.remove();
        }
    }

    /// Adds rows at the end; the first has this number.
    pub(super) fn append(&mut self, mut number: u64, lines: &[String]) -> Result<(), JsValue> {
        let mut rest = lines;
        while !rest.is_empty() {
            if self.blocks.back().is_none_or(|block| block.rows >= BLOCK) {
                let element = new_block()?;
                self.scroller.append_child(&element)?;
                self.blocks.push_back(Block { element, rows: 0 });
            }
            let Some(block) = self.blocks.back_mut() else { break };
            let (now, later) = rest.split_at(rest.len().min(BLOCK - block.rows));
            fill(block, number, now)?;
            number += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    /// Adds rows at the start, the last of which stands right before the first that is there. What is in sight stays where
    /// it is.
    pub(super) fn prepend(&mut self, number: u64, lines: &[String]) -> Result<(), JsValue> {
        let before = self.scroller.scroll_height();
        for (index, lines) in lines.chunks(BLOCK).enumerate().collect::<Vec<_>>().into_iter().rev() {
            let mut block = Block { element: new_block()?, rows: 0 };
            fill(&mut block, number + (index * BLOCK) as u64, lines)?;
            let first = self.blocks.front().map(|block| web_sys::Node::from(block.element.clone()));
            self.scroller.insert_before(&block.element, first.as_ref())?;
            self.blocks.push_front(block);
        }
        let grown = self.scroller.scroll_height() - before;
        self.scroller.set_scroll_top(self.scroller.scroll_top() + grown);
        Ok(())
    }

    /// Removes whole blocks at the start as long as at least `keep` rows stay. Returns how many rows went.
    pub(super) fn trim_start(&mut self, keep: usize) -> usize {
        let mut left: usize = self.blocks.iter().map(|block| block.rows).sum();
        let mut gone = 0;
        while let Some(block) = self.blocks.pop_front_if(|block| left - block.rows >= keep) {
            block.element.remove();
            left -= block.rows;
            gone += block.rows;
        }
        gone
    }

    /// Removes whole blocks at the end as long as at least `keep` rows stay. Returns how many rows went.
    pub(super) fn trim_end(&mut self, keep: usize) -> usize {
        let mut left: usize = self.blocks.iter().map(|block| block.rows).sum();
        let mut gone = 0;
        while let Some(block) = self.blocks.pop_back_if(|block| left - block.rows >= keep) {
            block.element.remove();
            left -= block.rows;
            gone += block.rows;
        }
        gone
    }

    /// Shows the end.
    pub(super) fn scroll_to_end(&self) {
        self.scroller.set_scroll_top(self.scroller.scroll_height());
    }

    /// Marks a row, and it alone, and shows it in the middle.
    pub(super) fn mark(&self, line: u64) {
        self.unmark();
        let Some(row) = document().get_element_by_id(&row_id(line)) else { return };
        // A class name without spaces is never refused.
        let _ = row.class_list().add_1("marked");
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Center);
        row.scroll_into_view_with_scroll_into_view_options(&options);
    }

    /// Takes the mark away.
    pub(super) fn unmark(&self) {
        if let Ok(Some(row)) = self.scroller.query_selector(".log-row.marked") {
            // A class name without spaces is never refused.
            let _ = row.class_list().remove_1("marked");
        }
    }
}

fn row_id(line: u64) -> String {
    format!("L{line}")
}

fn new_block() -> Result<HtmlElement, JsValue> {
    let element = document().create_element("div")?.unchecked_into::<HtmlElement>();
    element.set_class_name("log-block");
    Ok(element)
}

fn fill(block: &mut Block, first: u64, lines: &[String]) -> Result<(), JsValue> {
    let page = document();
    let fragment = page.create_document_fragment();
    for (number, line) in (first..).zip(lines) {
        let row = row(&page, number, line)?;
        fragment.append_child(&row)?;
    }
    block.element.append_child(&fragment)?;
    block.rows += lines.len();
    block.element.style().set_property("contain-intrinsic-block-size", &format!("auto {}px", block.rows * ROW_PX))
}

fn row(page: &web_sys::Document, number: u64, line: &str) -> Result<Element, JsValue> {
    let row = page.create_element("div")?;
    row.set_class_name("log-row");
    let id = row_id(number);
    row.set_id(&id);
    let link = page.create_element("a")?;
    link.set_class_name("log-number");
    link.set_attribute("href", &format!("#{id}"))?;
    // Thousands of stops for the Tab key: "Go to line" serves the keyboard.
    link.set_attribute("tabindex", "-1")?;
    link.set_text_content(Some(&number.to_string()));
    row.append_child(&link)?;
    let text = page.create_element("span")?;
    text.set_class_name("log-text");
    for piece in ansi::pieces(line) {
        let classes = piece.style.classes();
        if classes.is_empty() {
            text.append_child(&page.create_text_node(&piece.text))?;
        } else {
            let span = page.create_element("span")?;
            span.set_class_name(&classes);
            span.set_text_content(Some(&piece.text));
            text.append_child(&span)?;
        }
    }
    // The line's end, so that what is copied has lines.
    text.append_child(&page.create_text_node("\n"))?;
    row.append_child(&text)?;
    Ok(row)
}

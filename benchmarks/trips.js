/**
 * Makes trips on a page and times them: a text is typed, and the clock stops when it is seen in the answer.
 * The same for every peer. A pause of a few milliseconds, never twice the same, lies between two trips, so
 * that each starts on a page at rest and in no step with a timer.
 *
 * The selectors of the question and the answer may go through shadow roots: "host >>> what is in its root".
 *
 * @param {{question: string, answer: string, name: string, count: number,
 *   patience: number}} options
 * @returns {Promise<number[]>} milliseconds
 */
async ({ question, answer, name, count, patience }) => {
  const anywhere = (selector, root) => {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const each of root.querySelectorAll("*")) {
      const inside = each.shadowRoot && anywhere(selector, each.shadowRoot);
      if (inside) return inside;
    }
    return null;
  };
  /** The root in which the last part of a selector is looked for, and that part. */
  const placed = (selector) => {
    const parts = selector.split(" >>> ");
    const last = parts.pop();
    return [parts.reduce((root, part) => anywhere(part, root).shadowRoot, document), last];
  };
  const [inputRoot, inputSelector] = placed(question);
  const input = inputRoot.querySelector(inputSelector);
  const [answerRoot, answerSelector] = placed(answer);
  const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;

  const trip = (text) =>
    new Promise((resolve, reject) => {
      const observer = new MutationObserver(() => {
        if (answerRoot.querySelector(answerSelector)?.textContent !== text) {
          return;
        }
        const end = performance.now();
        clearTimeout(late);
        observer.disconnect();
        resolve(end - start);
      });
      const late = setTimeout(() => {
        observer.disconnect();
        reject(new Error(`no answer to ${text} within ${patience} ms`));
      }, patience);
      observer.observe(answerRoot.body || answerRoot, { childList: true, characterData: true, subtree: true });
      const start = performance.now();
      setValue.call(input, text);
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });

  const times = [];
  for (let number = 0; number < count; number += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10 + 10 * Math.random()));
    times.push(await trip(`${name}-${number}`));
  }
  return times;
}

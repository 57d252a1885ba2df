/**
 * Makes trips on a page and times them: a text is typed, and the clock stops when it is seen in the answer.
 * The same for every peer. A pause of a few milliseconds, never twice the same, lies between two trips, so
 * that each starts on a page at rest and in no step with a timer.
 *
 * @param {{question: string, answer: string, name: string, count: number,
 *   patience: number}} options
 * @returns {Promise<number[]>} milliseconds
 */
async ({ question, answer, name, count, patience }) => {
  const input = document.querySelector(question);
  const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;

  const trip = (text) =>
    new Promise((resolve, reject) => {
      let start;
      const late = setTimeout(() => {
        observer.disconnect();
        reject(new Error(`no answer to ${text} within ${patience} ms`));
      }, patience);
      const observer = new MutationObserver(() => {
        if (document.querySelector(answer)?.textContent !== text) {
          return;
        }
        const end = performance.now();
        clearTimeout(late);
        observer.disconnect();
        resolve(end - start);
      });
      observer.observe(document.body, { childList: true, characterData: true, subtree: true });
      start = performance.now();
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

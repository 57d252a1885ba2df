// @ts-check
/** Keeps focus and caret over a new layout, for which the renderer makes all elements anew. */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const WAIT_MS = 5000;

    /** Note who has the focus; once an element of the same id has taken its place, give it the focus and the caret. */
    dd.keepFocus = function () {
        const before = /** @type {any} */ (document.activeElement);
        if (!before || !before.id || before === document.body) return;
        const caret = caretOf(before);
        const observer = new MutationObserver(restore);
        const timer = setTimeout(() => observer.disconnect(), WAIT_MS);
        observer.observe(document.body, {childList: true, subtree: true});

        function restore() {
            if (before.isConnected) return;
            const now = /** @type {any} */ (document.getElementById(before.id));
            const elsewhere = document.activeElement && document.activeElement !== document.body;
            if (!now && !elsewhere) return;
            clearTimeout(timer);
            observer.disconnect();
            if (elsewhere) return;
            now.focus({preventScroll: true});
            if (caret && caretOf(now)) now.setSelectionRange(...caret);
        }
    };

    /** Start, end and direction of what is selected; null where an element has none (a checkbox, a number). */
    function caretOf(element) {
        return typeof element.selectionStart === 'number'
            ? [element.selectionStart, element.selectionEnd, element.selectionDirection]
            : null;
    }
})();

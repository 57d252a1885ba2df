// @ts-check
/** Keeps focus and caret when the layout is replaced: the renderer then makes all elements again. */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    const WAIT_MS = 5000;

    /** Remember the focused element. Once an element with the same id has replaced it, restore focus and caret. */
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

    /** Start, end and direction of the selection; null if the element cannot have one (a checkbox, a number). */
    function caretOf(element) {
        return typeof element.selectionStart === 'number'
            ? [element.selectionStart, element.selectionEnd, element.selectionDirection]
            : null;
    }
})();

// @ts-check
/**
 * All texts that the page's own scripts show, in each language. `{0}` is the first value. The language is the app's
 * (`Dash(language=)`), else the first of the browser's that is here, else English. What the app sends is in its program's
 * language.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});

    /** @type {{[key: string]: {en: string, de: string}}} */
    dd.TEXTS = {
        // Notices, and the state of the connection.
        close: {en: 'Close', de: 'Schließen'},
        full: {en: 'Full: trying again…', de: 'Voll: neuer Versuch…'},
        refused: {en: 'The app refuses this page.', de: 'Die App lehnt diese Seite ab.'},
        offline: {en: 'Offline: reconnecting…', de: 'Offline: Verbindung wird wiederhergestellt…'},
        overHttp: {
            en: 'No WebSocket passes here: this page goes on over HTTP, more slowly',
            de: 'Hier kommt kein WebSocket durch: Diese Seite läuft über HTTP weiter, langsamer'
        },
        notLive: {
            en: 'No live connection yet: the page shows no changes of others.',
            de: 'Noch keine Live-Verbindung: Die Seite zeigt keine Änderungen anderer.'
        },
        behind: {en: 'The app is {0} s behind', de: 'Die App ist {0} s im Rückstand'},
        pausedOne: {en: 'Callbacks are paused: 1 call waits', de: 'Callbacks sind angehalten: 1 Aufruf wartet'},
        paused: {en: 'Callbacks are paused: {0} calls wait', de: 'Callbacks sind angehalten: {0} Aufrufe warten'},
        pageClosed: {en: 'This page is closed', de: 'Diese Seite ist geschlossen'},
        // Requests and changes.
        tooLarge: {
            en: 'This is too large: {0} MB, and at most {1} MB can be sent here. A file grows by a third on its way.',
            de: 'Das ist zu groß: {0} MB, und höchstens {1} MB können gesendet werden. Eine Datei wächst unterwegs um ein Drittel.'
        },
        overLimit: {
            en: 'This value is over the limit of {0} bytes; it stays in this page.',
            de: 'Dieser Wert ist größer als {0} Bytes; er bleibt auf dieser Seite.'
        },
        needsConnection: {
            en: 'This callback needs the live connection, which the app refuses to this page.',
            de: 'Dieser Callback braucht die Live-Verbindung, die die App dieser Seite verweigert.'
        },
        lost: {
            en: 'The connection was lost before the answer came. Please try again.',
            de: 'Die Verbindung brach ab, bevor die Antwort kam. Bitte noch einmal versuchen.'
        },
        patch: {en: "A Patch does not fit this page's {0}: {1}", de: 'Ein Patch passt nicht zu {0} dieser Seite: {1}'},
        // The kernel.
        guestGone: {
            en: 'The app does not run now: this page goes on when it does',
            de: 'Die App läuft gerade nicht: Sobald sie läuft, geht es hier weiter'
        },
        busyAll: {
            en: 'The kernel is busy since {0} s: this page waits for it',
            de: 'Der Kernel ist seit {0} s beschäftigt: Diese Seite wartet auf ihn'
        },
        busyCoroutines: {
            en: 'The kernel is busy since {0} s: coroutine callbacks wait for it',
            de: 'Der Kernel ist seit {0} s beschäftigt: Coroutine-Callbacks warten auf ihn'
        },
        starting: {en: 'The kernel is starting…', de: 'Der Kernel startet…'},
        restarting: {en: 'The kernel is restarting…', de: 'Der Kernel startet neu…'},
        dead: {en: 'The kernel has died', de: 'Der Kernel ist abgestürzt'},
        stopped: {
            en: 'The app has been stopped: run its notebook again',
            de: 'Die App wurde beendet: Das Notebook noch einmal ausführen'
        },
        unregistered: {
            en: 'The app has not been run since the restart: run its notebook again',
            de: 'Die App lief seit dem Neustart nicht: Das Notebook noch einmal ausführen'
        },
        // Control.
        askName: {en: 'What is your name?', de: 'Wie heißt du?'},
        yourName: {en: 'Your name', de: 'Dein Name'},
        nameSeen: {en: 'Everybody on this page sees it.', de: 'Alle auf dieser Seite sehen ihn.'},
        join: {en: 'Join', de: 'Mitmachen'},
        notNow: {en: 'Not now', de: 'Nicht jetzt'},
        toggleControl: {en: 'Show or hide who has control', de: 'Zeigen oder verbergen, wer steuert'},
        mine: {en: 'You have control', de: 'Du steuerst'},
        giveBack: {en: 'Give back', de: 'Abgeben'},
        holds: {en: '{0} has control', de: '{0} steuert'},
        onlyYou: {en: 'Only you have control', de: 'Nur du steuerst'},
        asksOne: {en: '1 asks for control', de: '1 möchte steuern'},
        asks: {en: '{0} ask for control', de: '{0} möchten steuern'},
        mayAct: {en: 'You may act', de: 'Du darfst bedienen'},
        place: {en: 'you are number {0} in line', de: 'du bist Nummer {0} in der Reihe'},
        cancel: {en: 'Cancel', de: 'Abbrechen'},
        request: {en: 'Request control', de: 'Steuern anfragen'},
        controlsClosed: {en: 'The controls are closed', de: 'Die Bedienung ist gesperrt'},
        viewOnly: {en: 'View only', de: 'Nur ansehen'},
        forOwner: {en: 'This is for the owner', de: 'Das ist dem Besitzer vorbehalten'},
        // Questions.
        question: {en: 'Question: {0}', de: 'Frage: {0}'},
        showQuestion: {en: 'Show the question', de: 'Frage zeigen'},
        putAside: {en: 'Put the question aside', de: 'Frage beiseitelegen'},
        choose: {en: 'Choose one.', de: 'Bitte eine wählen.'},
        counted: {en: 'Your answer counts. You can change it.', de: 'Deine Antwort zählt. Du kannst sie ändern.'},
        soFarOne: {en: '1 answer so far', de: 'bisher 1 Antwort'},
        soFar: {en: '{0} answers so far', de: 'bisher {0} Antworten'},
        endedOne: {en: '1 answer, closed', de: '1 Antwort, geschlossen'},
        ended: {en: '{0} answers, closed', de: '{0} Antworten, geschlossen'}
    };

    /** The language of these texts. @param {string} wanted the app's; empty: the browser's */
    dd.language = wanted => {
        const own = typeof navigator === 'undefined' ? [] : navigator.languages || [navigator.language || 'en'];
        const known = (wanted ? [wanted] : own).map(each => each.toLowerCase().split('-')[0]);
        return known.find(each => each in dd.TEXTS.close) || 'en';
    };

    let language = dd.language('');

    /** Use a language from now on. @param {string} wanted the app's; empty: the browser's */
    dd.speak = wanted => (language = dd.language(wanted));

    /** The language in use. */
    dd.spoken = () => language;

    /** A text, with values in it. @param {string} key @param {...(string|number)} values */
    dd.text = (key, ...values) => dd.TEXTS[key][language].replace(/\{(\d)\}/g, (_, index) => String(values[index]));
})();

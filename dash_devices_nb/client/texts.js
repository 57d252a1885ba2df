// @ts-check
/**
 * All texts of ours that a page shows, in each language. `{0}` is the first value. The language is the app's
 * (`Dash(language=)`), else the first of the browser's that is here, else English.
 *
 * `TEXTS` are those of the page's own scripts. `SENTENCES` are those that the app makes: it sends them in English, as they
 * stand in exceptions, the journal and other programs, and the page says those that it knows in its language. What a
 * program or a driver says is in their language.
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
        ended: {en: '{0} answers, closed', de: '{0} Antworten, geschlossen'},
        // Signals of devices.
        never: {en: 'not read yet', de: 'noch nicht gelesen'},
        ok: {en: 'ok', de: 'in Ordnung'},
        stale: {en: 'stale', de: 'veraltet'},
        minor: {en: 'minor alarm', de: 'Warnung'},
        major: {en: 'major alarm', de: 'Alarm'},
        disconnected: {en: 'disconnected', de: 'getrennt'},
        live: {en: 'live', de: 'läuft'},
        lastGood: {en: 'last good {0}', de: 'zuletzt gut {0}'},
        agoSeconds: {en: '{0} s ago', de: 'vor {0} s'},
        agoMinutes: {en: '{0} min ago', de: 'vor {0} min'},
        agoHours: {en: '{0} h ago', de: 'vor {0} h'},
        on: {en: 'on', de: 'an'},
        off: {en: 'off', de: 'aus'},
        set: {en: 'set', de: 'setzen'},
        setOne: {en: 'set {0}', de: '{0} setzen'},
        setIn: {en: 'set {0} in {1}', de: '{0} in {1} setzen'},
        between: {en: '{0} to {1}', de: '{0} bis {1}'},
        atLeast: {en: 'at least {0}', de: 'mindestens {0}'},
        atMost: {en: 'at most {0}', de: 'höchstens {0}'},
        noSignal: {en: '{0} is no signal of this page', de: '{0} ist kein Signal dieser Seite'},
        filter: {en: 'filter {0} signals', de: '{0} Signale filtern'},
        filterOf: {en: 'filter the signals of {0}', de: 'die Signale von {0} filtern'},
        noMatch: {en: 'no signal matches', de: 'kein Signal passt'},
        // Alarms.
        alarms: {en: 'Alarms', de: 'Alarme'},
        raised: {en: '{0} raised', de: '{0} ausgelöst'},
        none: {en: 'none', de: 'keine'},
        active: {en: 'active', de: 'aktiv'},
        acknowledged: {en: 'seen', de: 'gesehen'},
        returned: {en: 'over, not seen', de: 'vorbei, nicht gesehen'},
        seenBy: {en: 'seen by {0}', de: 'gesehen von {0}'},
        acknowledge: {en: 'Acknowledge', de: 'Quittieren'},
        acknowledgeOne: {en: 'Acknowledge {0}', de: '{0} quittieren'},
        // Hold-to-run, and stop buttons.
        holdToRun: {en: 'hold to run', de: 'läuft, solange gedrückt'},
        holdOne: {en: '{0}, hold to run', de: '{0}, läuft, solange gedrückt'},
        stopping: {en: 'stopping ...', de: 'wird gestoppt ...'},
        stoppedAt: {en: 'stopped at {0}', de: 'gestoppt um {0}'},
        notStopped: {
            en: 'not stopped: the app does not answer ({0})',
            de: 'nicht gestoppt: Die App antwortet nicht ({0})'
        },
        // Procedures.
        procedures: {en: 'Procedures', de: 'Abläufe'},
        parameterOf: {en: '{0} of {1}', de: '{0} von {1}'},
        start: {en: 'Start', de: 'Starten'},
        pause: {en: 'Pause', de: 'Anhalten'},
        resume: {en: 'Resume', de: 'Fortsetzen'},
        abort: {en: 'Abort', de: 'Abbrechen'},
        remove: {en: 'Remove', de: 'Entfernen'},
        queued: {en: 'queued', de: 'wartet'},
        running: {en: 'running', de: 'läuft'},
        pausedRun: {en: 'paused', de: 'angehalten'},
        pausing: {en: 'pausing', de: 'wird angehalten'},
        aborting: {en: 'aborting', de: 'wird abgebrochen'},
        done: {en: 'done', de: 'fertig'},
        failed: {en: 'failed', de: 'fehlgeschlagen'},
        aborted: {en: 'aborted', de: 'abgebrochen'},
        leftSeconds: {en: '{0} s left', de: 'noch {0} s'},
        leftMinutes: {en: '{0} min left', de: 'noch {0} min'},
        leftHours: {en: '{0} h left', de: 'noch {0} h'},
        progressOf: {en: 'progress of {0}', de: 'Fortschritt von {0}'},
        // Kept values and presets.
        keptValues: {en: 'Kept values', de: 'Behaltene Werte'},
        keepsNothing: {
            en: 'this app keeps nothing: Dash(keep=...) names the file',
            de: 'diese App behält nichts: Dash(keep=...) nennt die Datei'
        },
        differ: {en: '{0} differ from what was kept', de: '{0} weichen vom Behaltenen ab'},
        keptCount: {en: '{0} kept', de: '{0} behalten'},
        whatDiffers: {en: 'what differs from what was kept', de: 'was vom Behaltenen abweicht'},
        whatDiffersFrom: {en: 'what differs from {0}', de: 'was von {0} abweicht'},
        kept: {en: 'kept', de: 'behalten'},
        now: {en: 'now', de: 'jetzt'},
        preset: {en: 'preset', de: 'Vorgabe'},
        presetName: {en: 'name of a preset', de: 'Name einer Vorgabe'},
        newPreset: {en: 'Preset', de: 'Vorgabe'},
        saveNow: {en: 'Save what is now', de: 'Jetzigen Stand speichern'},
        applyAll: {en: 'Apply all', de: 'Alle setzen'},
        keepNow: {en: 'Keep what is now', de: 'Jetzigen Stand behalten'},
        apply: {en: 'Apply', de: 'Setzen'},
        applyOne: {en: 'Apply {0}', de: '{0} setzen'},
        valuesIn: {en: '{0} values', de: '{0} Werte'},
        compare: {en: 'Compare', de: 'Vergleichen'},
        load: {en: 'Load', de: 'Laden'},
        delete: {en: 'Delete', de: 'Löschen'},
        reallyDelete: {en: 'Really delete', de: 'Wirklich löschen'},
        asPreset: {en: 'everything is as in this preset', de: 'alles ist wie in dieser Vorgabe'}
    };

    /**
     * What the app says of devices, and in notices. The first that fits counts, so the narrower ones come first.
     * @type {{devices: {en: string, de: string}[], notices: {en: string, de: string}[]}}
     */
    dd.SENTENCES = {
        devices: [
            {en: '{0} takes a number from {1} to {2}, not {3}', de: '{0} nimmt eine Zahl von {1} bis {2}, nicht {3}'},
            {en: '{0} takes a number of at least {1}, not {2}', de: '{0} nimmt eine Zahl ab {1}, nicht {2}'},
            {en: '{0} takes a number of at most {1}, not {2}', de: '{0} nimmt eine Zahl bis {1}, nicht {2}'},
            {en: '{0} takes a number, not {1}', de: '{0} nimmt eine Zahl, nicht {1}'},
            {
                en: '{0} takes a whole number from {1} to {2}, not {3}',
                de: '{0} nimmt eine ganze Zahl von {1} bis {2}, nicht {3}'
            },
            {en: '{0} takes a whole number of at least {1}, not {2}', de: '{0} nimmt eine ganze Zahl ab {1}, nicht {2}'},
            {en: '{0} takes a whole number of at most {1}, not {2}', de: '{0} nimmt eine ganze Zahl bis {1}, nicht {2}'},
            {en: '{0} takes a whole number, not {1}', de: '{0} nimmt eine ganze Zahl, nicht {1}'},
            {en: '{0} takes true or false, not {1}', de: '{0} nimmt wahr oder falsch, nicht {1}'},
            {en: '{0} takes a text, not {1}', de: '{0} nimmt einen Text, nicht {1}'},
            {en: '{0} takes {1}; not {2}', de: '{0} nimmt {1}, nicht {2}'},
            {en: '{0} cannot be set; it is only read', de: '{0} wird nur gelesen und lässt sich nicht setzen'},
            {en: '{0} was not set to {1}: {2}', de: '{0} wurde nicht auf {1} gesetzt: {2}'},
            {en: '{0} no longer has {1}', de: '{0} hat {1} nicht mehr'},
            {en: '{0} is busy: {1}', de: '{0} ist beschäftigt: {1}'},
            {en: 'something has held its bus for {0} s', de: 'seit {0} s hält etwas seinen Bus'},
            {en: 'no answer for {0} s, while reading {1}', de: 'seit {0} s keine Antwort beim Lesen von {1}'},
            {en: 'asked for {0}; the device took {1}', de: 'verlangt war {0}; das Gerät nahm {1}'},
            {
                en: 'the set was stopped, and may have been made in part',
                de: 'das Setzen wurde gestoppt und ist vielleicht zum Teil geschehen'
            },
            {en: 'the condition raised {0}: {1}', de: 'die Bedingung scheiterte mit {0}: {1}'},
            {en: '{0} needs {1}', de: '{0} braucht {1}'},
            {en: 'there is no procedure {0}; there is {1}', de: 'es gibt keinen Ablauf {0}; es gibt {1}'},
            {en: 'there is no run {0}', de: 'es gibt keinen Lauf {0}'},
            {en: '{0} runs wait already', de: 'es warten schon {0} Läufe'},
            {en: '{0} set; {1} was not set: {2}', de: '{0} gesetzt; {1} wurde nicht gesetzt: {2}'},
            {en: '{0} was not set: {1}', de: '{0} wurde nicht gesetzt: {1}'},
            {en: '{0} values saved as {1}', de: '{0} Werte als {1} gespeichert'},
            {en: '{0} kept as they are now', de: '{0} so behalten, wie sie jetzt sind'},
            {en: '{0} was deleted', de: '{0} wurde gelöscht'},
            {
                en: '{0} is not undecided: it was not kept, or was decided since; there is {1}',
                de: '{0} ist nicht offen: es wurde nicht behalten oder ist schon entschieden; es gibt {1}'
            },
            {en: 'not being written: {0}', de: 'wird nicht geschrieben: {0}'},
            {en: '{0} is not kept: {1}', de: '{0} wird nicht behalten: {1}'},
            {en: 'its {0} bytes are more than {1}', de: 'seine {0} Bytes sind mehr als {1}'},
            {en: '{0} values are kept, which is the limit', de: '{0} Werte sind behalten, mehr geht nicht'},
            {en: '{0} cannot be written as JSON', de: '{0} lässt sich nicht als JSON schreiben'},
            {en: 'there is no component {0} now', de: 'es gibt jetzt keine Komponente {0}'},
            {
                en: '{0} is not named in keep= of its device now',
                de: '{0} ist jetzt nicht in keep= seines Geräts genannt'
            },
            {en: 'there is no preset {0}; there is {1}', de: 'es gibt keine Vorgabe {0}; es gibt {1}'},
            {
                en: 'a preset has a name of at most {0} characters, not {1}',
                de: 'der Name einer Vorgabe hat höchstens {0} Zeichen, nicht {1}'
            },
            {
                en: 'there are {0} presets, which is the limit; delete one to save {1}',
                de: 'es gibt {0} Vorgaben, mehr geht nicht; für {1} eine andere löschen'
            },
            {en: 'array of {0}', de: 'Feld aus {0}'},
            {en: '{0} values', de: '{0} Werte'},
            {en: '{0} set', de: '{0} gesetzt'},
            {en: 'no arguments', de: 'keine Argumente'},
            {en: 'nothing', de: 'nichts'},
            {en: 'none', de: 'keine'},
            {en: 'on', de: 'an'},
            {en: 'off', de: 'aus'}
        ],
        notices: [
            {en: 'You may not change {0}: {1}.', de: 'Du darfst {0} nicht ändern: {1}.'},
            {en: 'You may not call {0}: {1}.', de: 'Du darfst {0} nicht aufrufen: {1}.'},
            {
                en: 'Kept values are not being written: {0}. They are kept in memory meanwhile.',
                de: 'Behaltene Werte werden nicht geschrieben: {0}. Sie bleiben solange im Speicher.'
            },
            {en: 'Kept values are being written again.', de: 'Behaltene Werte werden wieder geschrieben.'},
            {
                en: 'The history is not being written: {0}. Readings are kept in memory meanwhile.',
                de: 'Der Verlauf wird nicht geschrieben: {0}. Messwerte bleiben solange im Speicher.'
            },
            {
                en: 'The history is being written again; {0} readings were lost.',
                de: 'Der Verlauf wird wieder geschrieben; {0} Messwerte gingen verloren.'
            },
            {en: 'Old readings could not be deleted: {0}', de: 'Alte Messwerte ließen sich nicht löschen: {0}'}
        ]
    };

    /** The reasons in notices. */
    const REASONS = [
        {en: 'you may look, but not act', de: 'du darfst zusehen, aber nicht bedienen'},
        {en: 'the controls are closed now', de: 'die Bedienung ist gerade gesperrt'},
        {en: '{0} has control', de: '{0} steuert'},
        {
            en: "a guest's page may not bring components into the pages of others",
            de: 'die Seite eines Gasts darf keine Komponenten in die Seiten anderer bringen'
        }
    ];

    /** What matches a sentence, with a group for each value. @param {string} text */
    const shape = text => new RegExp(`^${text.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\d\}/g, '(.+?)')}$`, 's');
    /** @type {Map<string, RegExp>} */
    const shapes = new Map();

    /** @param {{en: string, de: string}[]} sentences @param {string} text @returns {string | null} */
    function among(sentences, text) {
        for (const each of sentences) {
            const known = shapes.get(each.en) || shape(each.en);
            shapes.set(each.en, known);
            const found = known.exec(text);
            if (found) return each[language].replace(/\{(\d)\}/g, (_, at) => dd.said(found[Number(at) + 1], 'reasons'));
        }
        return null;
    }

    /**
     * What the app has said, in the page's language; as it came, if it is no sentence of ours.
     * @param {string} text @param {'devices' | 'notices' | 'reasons'} [kind] what it is about
     */
    dd.said = (text, kind = 'devices') => {
        if (language === 'en' || typeof text !== 'string' || !text) return text;
        const sentences = kind === 'notices' ? dd.SENTENCES.notices
            : kind === 'reasons' ? [...REASONS, ...dd.SENTENCES.devices] : dd.SENTENCES.devices;
        return among(sentences, text) ?? text;
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

// What the pages' scripts find in the browser; for `tsc`, which checks them (see tsconfig.json).

/** The classes and functions of this folder, each put there by its file. */
interface Scripts {
    [name: string]: any;
}

/** What `socket.js` uses of a WebSocket. `http-socket.js` has it, too. */
interface HttpCarrier {
    readonly readyState: number;
    readonly bufferedAmount: number;
    binaryType: string;
    onopen: (() => void) | null;
    onmessage: ((event: {data: any}) => void) | null;
    onclose: ((event: {code: number; reason: string}) => void) | null;
    send(text: string): void;
    close(code?: number, reason?: string): void;
}

type Carrier = WebSocket | HttpCarrier;

interface Window {
    dashDevices: Scripts;
    /** The renderer's redux stores, and whatever else stands in `window`, such as the component libraries. */
    [name: string]: any;
}

// ---- The frames, as `core/protocol/page_frames.py` reads those of the page and `core/protocol/messages.py` writes those of
// the app, under the same names. `docs/architecture.md` says what each is for.

/** `{id: {prop: value}}`. */
interface PropValues {
    [id: string]: {[prop: string]: any};
}

/** A shared dependency: its id, or a pattern with null for a wildcard, and its prop. */
type Dependency = [string | {[key: string]: any}, string];

/** What any frame of a page says: `q` numbers of the app's frames that it has, `k` shared frames that it has applied. */
interface PageFrameFields {
    q?: number;
    k?: number;
}

interface HelloFrame extends PageFrameFields {
    t: 'hello';
    client: string;
    key: string;
    epoch: string;
    rev: number;
    v?: number;
    kind?: 'page' | 'program' | 'relay';
    arrays?: boolean;
    video?: string[];
}

interface SetFrame extends PageFrameFields {
    t: 'set';
    s: number;
    m: PropValues;
    r?: number;
    c?: [] | [string, string, number];
    w?: 'said' | 'kept';
    e?: [string, string, [(string | number)[], any][]][];
}

interface RequestFrame extends PageFrameFields {
    t: 'req';
    n: number;
    path: string;
    query?: string;
    body?: any;
    c?: [] | [string, string, number];
    w?: 'pushed' | 'own';
}

interface OkFrame extends PageFrameFields {
    t: 'ok';
}

interface ShownFrame extends PageFrameFields {
    t: 'shown';
    id: string;
    prop: string;
    n?: number;
    lacks?: 'key' | 'images';
}

interface PingFrame extends PageFrameFields {
    t: 'ping';
    rtt?: number;
}

interface GotFrame extends PageFrameFields {
    t: 'got';
    n: number;
    value: any;
}

interface WantFrame extends PageFrameFields {
    t: 'want';
    ids: {[id: string]: number};
    m?: {[id: string]: string[]};
}

interface HereFrame extends PageFrameFields {
    t: 'here';
    ids?: string[];
    gone?: string[];
}

interface FloorFrame extends PageFrameFields {
    t: 'floor';
    want: boolean;
}

interface NameFrame extends PageFrameFields {
    t: 'name';
    name: string;
}

interface ChoiceFrame extends PageFrameFields {
    t: 'choice';
    n: number;
    option: number;
}

interface LookFrame extends PageFrameFields {
    t: 'look';
    visible: boolean;
}

/** For relays only. */
interface CrowdFrame extends PageFrameFields {
    t: 'crowd';
    n: number;
}

interface WatchFrame extends PageFrameFields {
    t: 'watch';
    ids: {[id: string]: number | null};
}

interface ByeFrame extends PageFrameFields {
    t: 'bye';
}

type PageFrame =
    | HelloFrame
    | SetFrame
    | RequestFrame
    | OkFrame
    | ShownFrame
    | PingFrame
    | GotFrame
    | WantFrame
    | HereFrame
    | FloorFrame
    | NameFrame
    | ChoiceFrame
    | LookFrame
    | CrowdFrame
    | WatchFrame
    | ByeFrame;

/** Sends a frame. Returns its number on this connection, or false if there is none now. */
type Send = (frame: PageFrame) => number | false;

interface WelcomeFrame {
    t: 'welcome';
    client: string;
    key: string;
    epoch: string;
    resumed: boolean;
    s: number;
    n: number;
    shared: Dependency[];
    causes: any[];
    pushed: [string, string][];
    holds: string;
    coroutines: boolean;
    say: [number, number];
    v: number;
}

interface AckFrame {
    t: 'ack';
    s: number;
}

interface SharedModsFrame {
    t: 'mods';
    r: number;
    m: PropValues;
}

interface OwnModsFrame {
    t: 'mods';
    q: number;
    m: PropValues;
    f?: number;
    at?: number;
}

/** For programs only. */
interface DoneFrame {
    t: 'done';
    q: number;
    s: number;
    r: number;
    why: string;
    text: string;
    m?: PropValues;
}

interface AnswerFrame {
    t: 'res';
    q: number;
    n: number;
    s: number;
    b: any;
    r?: number;
    own?: number;
    ch?: any[];
    ck?: string;
}

interface SharedFrame {
    t: 'shared';
    refs: Dependency[];
    pushed: [string, string][];
}

interface NoticeFrame {
    t: 'notice';
    q: number;
    level: string;
    text: string;
    title: string;
    html: string;
}

interface RoleFrame {
    t: 'role';
    role: string;
    rights: string;
    name: string;
    guest: boolean;
    ask: boolean;
    floor: string;
    holder: string;
    mine: boolean;
    place: number;
    asking: number;
    left: number | null;
    needs?: any[];
}

interface QuestionFrame {
    t: 'question';
    n: number;
    text: string;
    options: string[];
    mine: number | null;
    open: boolean;
    may: boolean;
    counts: number[] | null;
}

interface BusyFrame {
    t: 'busy';
    text: string;
}

interface PausedFrame {
    t: 'paused';
    waiting: number | null;
}

interface LagFrame {
    t: 'lag';
    seconds: number;
}

interface DependenciesFrame {
    t: 'dependencies';
    q: number;
    refs: Dependency[];
    causes: any[];
    content: any[];
    socket: string[];
    scripts: string[];
    again: string[];
    coroutines: boolean;
    age: number;
}

interface ReloadFrame {
    t: 'reload';
    q: number;
    dist: {type: string; url: string}[];
}

interface GetFrame {
    t: 'get';
    q: number;
    n: number;
    id: string;
    prop: string | null;
    path?: (string | number)[];
}

interface PongFrame {
    t: 'pong';
}

interface UnreadFrame {
    t: 'unread';
    f: number;
}

/** For relays only. */
interface RelayFrame {
    t: 'relay';
    key: string;
    links: {[id: string]: number};
    version: number;
}

type AppFrame =
    | WelcomeFrame
    | AckFrame
    | SharedModsFrame
    | OwnModsFrame
    | DoneFrame
    | AnswerFrame
    | SharedFrame
    | NoticeFrame
    | RoleFrame
    | QuestionFrame
    | BusyFrame
    | PausedFrame
    | LagFrame
    | DependenciesFrame
    | ReloadFrame
    | GetFrame
    | PongFrame
    | UnreadFrame
    | RelayFrame;

/** A frame as it came: `size` characters long. */
type Received<F> = F & {size: number};

/** The JSON of a binary frame: a frame, and which of its values have arrays that are in the bytes behind it. */
interface FrameWithArrays {
    a: [string, string][];
    frame: SharedModsFrame | OwnModsFrame;
}

/** The header of an image, a binary frame: two bytes with the length of the header, the header, the image. */
interface ImageHeader {
    id: string;
    prop: string;
    mime: string;
    w?: number;
    h?: number;
    d?: number;
    v?: VideoHeader;
    of?: string;
}

/** What a page has to know of a unit of a video. */
interface VideoHeader {
    key: boolean;
    codec: string;
    at: number;
}

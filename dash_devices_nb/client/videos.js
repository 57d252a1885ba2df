// @ts-check
/**
 * Videos: H.264 units, decoded by WebCodecs and drawn on an `html.Canvas`.
 *
 * Browsers have WebCodecs only in secure contexts (HTTPS, or localhost). The app sends images to pages that have it not.
 *
 * The newest decoded picture is drawn with the browser's next frame, and only then the units are reported as shown. So the app sends
 * a page in the background nothing more, as that draws nothing; when it is looked at again, it goes on with a key frame.
 */
(function () {
    'use strict';
    const dd = /** @type {Scripts} */ (window.dashDevices = window.dashDevices || {});
    /** What each browser that decodes H.264 can decode: constrained baseline, 720p. */
    const USUAL = 'avc1.42E01F';
    /** The number of failures in a row, without a picture, after which images are asked for. */
    const MOST_FAILURES = 3;

    /** The codecs that this page can decode, for its hello. @type {string[]} */
    let codecs = typeof VideoDecoder === 'undefined' ? [] : ['h264'];
    if (codecs.length)
        VideoDecoder.isConfigSupported({codec: USUAL}).then(
            ({supported}) => supported || (codecs = []),
            () => (codecs = [])
        );
    dd.videoCodecs = () => codecs;

    dd.Videos = class Videos {
        /** @param {(place: string, id: string, draw: () => void) => void} whenThere calls `draw` when there is such an element */
        constructor(whenThere) {
            this._whenThere = whenThere;
            /** By prop. @type {Map<string, Video>} */
            this._videos = new Map();
        }

        /**
         * Show the next unit.
         * @param {ImageHeader} header @param {Uint8Array} bytes
         * @param {(count: number, lacks?: 'key' | 'images') => void} shown
         */
        show(header, bytes, shown) {
            const place = `${header.id}.${header.prop}`;
            let video = this._videos.get(place);
            if (!video) this._videos.set(place, (video = new Video(header.id, draw => this._whenThere(place, header.id, draw))));
            video.show(header, bytes, shown);
        }

        /** Something else is shown at this place now. @param {string} place */
        end(place) {
            this._videos.get(place)?.end();
            this._videos.delete(place);
        }

        /** Show the last pictures in components that have replaced others. */
        again() {
            for (const video of this._videos.values()) video.move();
        }

        get any() {
            return this._videos.size > 0;
        }
    };

    class Video {
        /** @param {string} id @param {(draw: () => void) => void} whenThere */
        constructor(id, whenThere) {
            this._id = id;
            this._whenThere = whenThere;
            /** Where the last picture is: the component, or a canvas of our own until it is there. */
            this._canvas = document.createElement('canvas');
            /** @type {VideoDecoder|null} */
            this._decoder = null;
            /** What the decoder was made for. */
            this._codec = '';
            /** The newest picture that is not drawn yet. @type {VideoFrame|null} */
            this._newest = null;
            this._size = [0, 0];
            /** How many units have come that are not reported yet. */
            this._unsaid = 0;
            this._failures = 0;
            this._drawing = false;
            /** @type {(count: number, lacks?: 'key' | 'images') => void} */
            this._shown = () => {};
        }

        /** @param {ImageHeader} header @param {Uint8Array} bytes @param {(count: number, lacks?: 'key' | 'images') => void} shown */
        show({v, w, h}, bytes, shown) {
            const {key, codec, at} = /** @type {VideoHeader} */ (v);
            this._shown = shown;
            this._size = [w || 0, h || 0];
            this._unsaid += 1;
            if (key && (!this._decoder || this._codec !== codec)) this._open(codec);
            try {
                if (this._decoder) this._decoder.decode(new EncodedVideoChunk({type: key ? 'key' : 'delta', timestamp: at, data: bytes}));
                else this._say('key');
            } catch (error) {
                this._failed(error);
            }
        }

        /** @param {string} codec */
        _open(codec) {
            this._close();
            const decoder = new VideoDecoder({
                output: frame => {
                    if (decoder !== this._decoder) return frame.close();
                    this._failures = 0;
                    this._newest?.close();
                    this._newest = frame;
                    this._soon();
                },
                error: error => decoder === this._decoder && this._failed(error)
            });
            decoder.ondequeue = () => decoder === this._decoder && this._soon();
            this._decoder = decoder;
            this._codec = codec;
            try {
                decoder.configure({codec, optimizeForLatency: true});
            } catch (error) {
                this._failed(error);
            }
        }

        /** The decoder has given up. @param {any} error */
        _failed(error) {
            this._close();
            this._failures += 1;
            const gone = this._failures >= MOST_FAILURES || error.name === 'NotSupportedError';
            if (gone) codecs = [];
            this._say(gone ? 'images' : 'key');
        }

        /** Draw with the browser's next frame. */
        _soon() {
            if (this._drawing) return;
            this._drawing = true;
            requestAnimationFrame(() => {
                this._drawing = false;
                this._draw();
                // A unit counts when the decoder has taken it: some keep pictures back.
                const count = this._unsaid - (this._decoder ? this._decoder.decodeQueueSize : 0);
                if (count > 0) this._report(count);
            });
        }

        _draw() {
            const frame = this._newest;
            if (!frame) return;
            this._newest = null;
            this.move();
            const [width, height] = [this._size[0] || frame.displayWidth, this._size[1] || frame.displayHeight];
            const canvas = this._canvas;
            if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
            canvas.getContext('2d')?.drawImage(frame, 0, 0);
            frame.close();
        }

        /** Go over to the component, if that is another element now. */
        move() {
            const there = document.getElementById(this._id);
            if (!there) return this._whenThere(() => this.move());
            const before = this._canvas;
            if (there === before || !(there instanceof HTMLCanvasElement)) return;
            this._canvas = there;
            Object.assign(there, {width: before.width, height: before.height});
            if (before.width && before.height) there.getContext('2d')?.drawImage(before, 0, 0);
        }

        /** Report all units: there is nothing more to come of them. @param {'key' | 'images'} lacks */
        _say(lacks) {
            this._report(this._unsaid, lacks);
        }

        /** @param {number} count @param {'key' | 'images'} [lacks] */
        _report(count, lacks) {
            this._unsaid -= count;
            this._shown(count, lacks);
        }

        _close() {
            if (this._decoder && this._decoder.state !== 'closed') this._decoder.close();
            this._decoder = null;
            this._newest?.close();
            this._newest = null;
        }

        end() {
            this._close();
        }
    }
})();

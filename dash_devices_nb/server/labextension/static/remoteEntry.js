/**
 * Device pages in JupyterLab's (and Notebook's) Running panel.
 *
 * JupyterLab loads a prebuilt extension as a container of webpack's module federation: an object
 * with `init(shareScope)` and `get(module)` in `window._JUPYTERLAB`. That is little enough to be
 * written by hand, so there is no build step. JupyterLab's own modules (the token of the Running
 * panel, signals, widgets) come out of the share scope, because they must be the same objects.
 *
 * The list is the server's `{base_url}dash-devices/_apps`.
 */
(() => {
  "use strict";

  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  // The folder of the extension, which differs between dash-devices-nb and dash-devices-nb-server.
  const NAME = /\/([\w-]+)\/static\/[^/]*$/.exec(script?.src ?? "")?.[1] ?? "dash-devices-nb";
  const PLUGIN = "dash-devices-nb";
  const POLL_MS = 5000;
  const ICON =
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<path class="jp-icon3" fill="#616161" d="M12 4a9 9 0 0 0-9 9c0 2.1.7 4 1.9 5.6l1.6-1.3A7 7 0 1 1 ' +
    '19 13c0 1.6-.5 3.1-1.5 4.3l1.6 1.3A9 9 0 0 0 12 4zm4.2 4.4-5.3 3.5a2 2 0 1 0 1.9 1.9z"/></svg>';

  /**
   * @typedef {{name: string, url: string, notebook: string | null, kernel_id: string,
   *   state: string, clients: number}} DeviceApp
   */

  /** @type {Record<string, Record<string, {get: () => Promise<() => any>}>>} */
  let shared = {};

  /**
   * One of JupyterLab's own modules.
   * @param {string} name
   * @returns {Promise<any>}
   */
  async function lab(name) {
    const versions = Object.values(shared[name] ?? {});
    if (!versions.length) {
      throw new Error(`${NAME}: this front end has no ${name}`);
    }
    return (await versions[versions.length - 1].get())();
  }

  /** The plugin, once JupyterLab's modules are there. */
  async function plugin() {
    const [running, signaling, components, apputils] = await Promise.all([
      lab("@jupyterlab/running"),
      lab("@lumino/signaling"),
      lab("@jupyterlab/ui-components"),
      lab("@jupyterlab/apputils"),
    ]);
    const icon = new components.LabIcon({ name: `${PLUGIN}:device`, svgstr: ICON });

    /**
     * @param {any} app The front end.
     * @param {any} managers Of the Running panel, or null if there is none.
     */
    function activate(app, managers) {
      if (!managers) {
        return;
      }
      const settings = app.serviceManager.serverSettings;
      const source = {};
      const changed = new signaling.Signal(source);
      /** @type {DeviceApp[]} */
      let apps = [];

      async function refresh() {
        const headers = settings.token ? { Authorization: `token ${settings.token}` } : {};
        const answer = await fetch(`${settings.baseUrl}dash-devices/_apps`, { headers });
        if (!answer.ok) {
          throw new Error(`${NAME}: ${answer.status} ${answer.statusText}`);
        }
        apps = (await answer.json()).apps;
        // Also if nothing is new: the panel does not hear what changes before it is drawn.
        changed.emit(undefined);
      }

      /** A server that stops or restarts is no news here; JupyterLab itself says so. */
      const poll = () => {
        refresh().catch((error) => console.debug(String(error)));
      };

      /** @param {DeviceApp} device */
      function open(device) {
        if (app.name !== "JupyterLab") {
          window.open(device.url, "_blank", "noopener");
          return;
        }
        const id = `${PLUGIN}-${device.name}`;
        const shown = [...app.shell.widgets("main")].find((each) => each.id === id);
        if (shown) {
          app.shell.activateById(id);
          return;
        }
        const content = new components.IFrame({
          sandbox: ["allow-scripts", "allow-same-origin", "allow-forms", "allow-popups",
            "allow-downloads", "allow-modals"],
        });
        content.url = device.url;
        const widget = new apputils.MainAreaWidget({ content });
        widget.id = id;
        widget.title.label = device.name;
        widget.title.icon = icon;
        widget.title.closable = true;
        app.shell.add(widget, "main");
        app.shell.activateById(id);
      }

      /** @param {DeviceApp} device */
      async function shutDown(device) {
        await app.serviceManager.kernels.shutdown(device.kernel_id);
        poll();
      }

      managers.add({
        name: "Device pages",
        running: () =>
          apps.map((device) => ({
            open: () => open(device),
            icon: () => icon,
            label: () => device.name,
            labelTitle: () =>
              `${device.notebook ?? device.name}\nkernel: ${device.state}\npages: ${device.clients}`,
            detail: () => device.state,
            shutdown: () => shutDown(device),
          })),
        shutdownAll: () => apps.forEach(shutDown),
        shutdownLabel: "Shut Down Kernel",
        shutdownAllConfirmationText: "Shut down the kernels of all device pages?",
        refreshRunning: poll,
        runningChanged: changed,
      });

      poll();
      app.serviceManager.kernels.runningChanged.connect(poll);
      window.setInterval(() => {
        if (document.visibilityState === "visible") {
          poll();
        }
      }, POLL_MS);
    }

    return {
      id: `${PLUGIN}:running`,
      description: "Lists the device pages of the running kernels.",
      autoStart: true,
      // Notebook's own pages have no such panel.
      optional: [running.IRunningSessionManagers],
      activate,
    };
  }

  /** @type {any} */ (window)._JUPYTERLAB = /** @type {any} */ (window)._JUPYTERLAB ?? {};
  /** @type {any} */ (window)._JUPYTERLAB[NAME] = {
    /** @param {typeof shared} scope */
    init: (scope) => {
      shared = scope;
    },
    /** @param {string} module */
    get: async (module) => {
      if (module !== "./extension") {
        throw new Error(`${NAME} has no module ${module}, only ./extension`);
      }
      // Where both distributions are installed the front end loads both, and one plugin is enough.
      const all = /** @type {any} */ (window);
      all._dashDevicesPlugin ??= NAME;
      // A front end that shows finished notebooks, such as Voila, has no such panel, and not its module.
      const made = shared["@jupyterlab/running"] && all._dashDevicesPlugin === NAME ? await plugin() : [];
      return () => ({ __esModule: true, default: made });
    },
  };
})();

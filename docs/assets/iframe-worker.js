// A page that was opened from a disk may start no worker, and without one the theme hides its
// search. Here the script that would be a worker runs in an empty frame instead.
if (location.protocol === "file:") {
  window.IFrameWorker = window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.inside = new Promise((resolve) => {
        this.frame.addEventListener("load", () => resolve(this.load(url)), { once: true });
      });
      document.body.append(this.frame);
    }

    // Return a promise of the frame's window, once the script listens in it.
    load(url) {
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = inside.document.createElement("script");
      script.src = url;
      return new Promise((resolve) => {
        script.addEventListener("load", () => resolve(inside));
        inside.document.body.append(script);
      });
    }

    postMessage(data) {
      this.inside.then((inside) => {
        inside.dispatchEvent(new inside.MessageEvent("message", { data }));
      });
    }

    terminate() {
      this.frame.remove();
    }
  };
}

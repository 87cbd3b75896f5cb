// The strip below the space-time view: all of time that is kept, its elections, and the part that is seen.

const HEIGHT = 34;

export class Minimap {
  constructor(canvas, show) {
    this.canvas = canvas;
    this.ctx = canvas.getContext('2d');
    this.range = [0, 1];
    const go = (e) => {
      if (!(e.buttons & 1) || !this.view) return;
      const t = this.range[0] + (e.offsetX / this.width) * (this.range[1] - this.range[0]);
      const half = (this.view.t1 - this.view.t0) / 2;
      show(t - half, t + half);
    };
    canvas.addEventListener('pointerdown', go);
    canvas.addEventListener('pointermove', go);
  }

  resize(width, ratio) {
    this.width = width;
    if (this.canvas.width === Math.round(width * ratio)) return;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(HEIGHT * ratio);
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  paint(model, groups, view, c) {
    const { ctx, width } = this;
    this.view = view;
    ctx.clearRect(0, 0, width, HEIGHT);
    if (!Number.isFinite(model.earliest) || !width) return;
    const end = Math.max(model.latest, Math.min(view.now, model.latest + 3600e6));
    const long = Math.max(end - model.earliest, 1000);
    this.range = [model.earliest - long * 0.01, end + long * 0.01];
    const x = (t) => ((t - this.range[0]) / (this.range[1] - this.range[0])) * width;
    ctx.fillStyle = c.faint;
    ctx.fillRect(0, 12, width, 10);
    for (const g of groups) {
      ctx.fillStyle = g.epoch === null ? c.bad : g.kind === 'joined' ? c.joined : c.looking;
      ctx.fillRect(x(g.t0) - 1, 9, Math.max(3, x(g.t1) - x(g.t0)), 16);
    }
    ctx.fillStyle = c.bad;
    for (const a of model.actions) ctx.fillRect(x(a.t) - 0.5, 5, 1.5, 24);
    const from = Math.max(-2, Math.min(width - 4, x(view.t0)));
    const to = Math.min(width + 2, Math.max(4, x(view.t1)));
    ctx.strokeStyle = c.accent;
    ctx.lineWidth = 2;
    ctx.fillStyle = c.accent;
    ctx.globalAlpha = 0.14;
    ctx.fillRect(from, 2, Math.max(6, to - from), HEIGHT - 4);
    ctx.globalAlpha = 1;
    ctx.strokeRect(from, 2, Math.max(6, to - from), HEIGHT - 4);
    ctx.lineWidth = 1;
  }
}

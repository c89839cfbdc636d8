/** What tests do inside the page, where there are no types of Node.js: an object of functions, read as text. */
({
  /** Asks the node who this is, over a WebSocket of the page's own, as any page would. */
  who(token) {
    return new Promise((resolve) => {
      const socket = new WebSocket(`${location.origin.replace('https', 'wss')}/alknet/call`, [
        'alknet.call',
        `alknet.bearer.${token}`,
      ]);
      socket.binaryType = 'arraybuffer';
      const request = '{"type":"call.requested","id":"1","payload":{"operationId":"/lab/who"}}';
      socket.onopen = () => socket.send(new TextEncoder().encode(request));
      socket.onmessage = ({ data }) =>
        resolve({ protocol: socket.protocol, answer: JSON.parse(new TextDecoder().decode(data)) });
      socket.onclose = ({ code }) => resolve({ code });
    });
  },

  storages() {
    return JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]);
  },

  /** Controls that a screen reader has no name for. */
  unnamed() {
    return [...document.querySelectorAll('input, select, textarea, button')]
      .filter((control) => {
        const label = control.labels?.[0]?.textContent ?? '';
        return `${control.textContent}${control.getAttribute('aria-label') ?? ''}${label}`.trim() === '';
      })
      .map((control) => control.outerHTML.slice(0, 80));
  },

  /** Texts below the ratio of WCAG 2.2 1.4.3, 4.5 to 1. */
  lowContrast() {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const pixel = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (colour) => {
      const [r, g, b] = colour.slice(0, 3).map((part) => {
        const value = part / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const backOf = (element) => {
      for (let at = element; at !== null; at = at.parentElement) {
        const colour = pixel(getComputedStyle(at).backgroundColor);
        if (colour[3] > 250) return colour;
      }
      return [255, 255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
      const hasText = [...element.childNodes].some(
        (node) => node.nodeType === 3 && node.textContent.trim() !== '',
      );
      if (!hasText || element.getClientRects().length === 0) continue;
      if (element.closest('option, [aria-disabled], .hidden') !== null) continue;
      const levels = [luminance(pixel(getComputedStyle(element).color)), luminance(backOf(element))];
      const ratio = (Math.max(...levels) + 0.05) / (Math.min(...levels) + 0.05);
      if (ratio < 4.5) faint.push(`${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
    }
    return faint;
  },
});

import { html, nothing, type TemplateResult } from "lit-html";
import type { DiskRow, ImageRow, ImagesAndDisk } from "../messages.js";
import { type App, containerLink } from "./app.js";
import { bytes, count, shortId } from "./format.js";
import { get } from "./requests.js";

const refreshMs = 10_000;

/** The images of the node, the containers that use them, and the file systems. It asks again every ten seconds while it is open. */
export class ImagesView {
  readonly #app: App;
  readonly #timer = setInterval(() => this.#load(), refreshMs);
  #content: ImagesAndDisk | undefined;
  #error = "";

  constructor(app: App) {
    this.#app = app;
    this.#load();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  draw(): TemplateResult {
    if (!this.#content) return html`<p class="empty">${this.#error || "Reading images and disks …"}</p>`;
    const { images, disks } = this.#content;
    const unused = images.filter(({ usedBy }) => usedBy.length === 0);
    const unusedBytes = unused.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const sorted = [...images].sort((a, b) => b.sizeBytes - a.sizeBytes);
    return html`
      <p class="error" role="alert">${this.#error}</p>
      <section aria-labelledby="disk-title">
        <h2 id="disk-title">Disk</h2>
        <div class="tiles disks">${disks.map(disk)}</div>
      </section>
      <section aria-labelledby="images-title">
        <h2 id="images-title">
          Images <span class="quiet">${images.length}, of which ${unused.length} unused: ${bytes(unusedBytes)}</span>
        </h2>
        <table class="plain">
          <thead>
            <tr><th>Image</th><th class="number">Size</th><th>Used by</th></tr>
          </thead>
          <tbody>
            ${sorted.map((image) => this.#image(image))}
          </tbody>
        </table>
      </section>
    `;
  }

  #image({ id, names, sizeBytes, pinned, usedBy }: ImageRow): TemplateResult {
    const groups = new Set(usedBy.flatMap((container) => this.#app.state.groupOfContainer(container) ?? []));
    return html`<tr>
      <td>
        ${names.length === 0 ? html`<span class="quiet">no name</span>` : names.map((name) => html`<div>${name}</div>`)}
        <span class="quiet mono">${shortId(id)}</span> ${pinned ? html`<span class="mark rest">pinned</span>` : nothing}
      </td>
      <td class="number">${bytes(sizeBytes)}</td>
      <td>
        ${
          groups.size === 0
            ? html`<span class="quiet">no container</span>`
            : [...groups]
                .slice(0, 8)
                .map((group) => html`<a class="user" href=${containerLink(group)}>${group.name}</a> `)
        }
        ${groups.size > 8 ? html`<span class="quiet">and ${count(groups.size - 8, "other")}</span>` : nothing}
      </td>
    </tr>`;
  }

  #load(): void {
    get<ImagesAndDisk>("/api/images").then(
      (content) => {
        this.#content = content;
        this.#error = "";
        this.#app.redraw();
      },
      (error: unknown) => {
        this.#error = error instanceof Error ? error.message : String(error);
        this.#app.redraw();
      },
    );
  }
}

function disk({
  kind,
  mountpoint,
  usedBytes,
  inodesUsed,
  capacityBytes,
  availableBytes,
}: DiskRow): TemplateResult {
  const isKnown = capacityBytes !== undefined && availableBytes !== undefined;
  return html`<div class="tile">
    <h2>${kind === "images and containers" ? "Images and containers" : kind === "images" ? "Images" : "Containers"}</h2>
    <p><b>${bytes(usedBytes)}</b> ${inodesUsed ? html`<span class="quiet">${inodesUsed.toLocaleString("en")} inodes</span>` : nothing}</p>
    ${
      isKnown
        ? html`<meter
              min="0"
              max=${capacityBytes}
              high=${capacityBytes * 0.85}
              optimum="0"
              value=${capacityBytes - availableBytes}
              aria-label="Used space of the file system"
            ></meter>
            <p class="quiet">${bytes(availableBytes)} of ${bytes(capacityBytes)} free on its file system</p>`
        : nothing
    }
    <p class="quiet mono">${mountpoint}</p>
  </div>`;
}

import type { ServiceInput } from "../../kubernetes/index.js";
import type { KubeletLoop } from "../kubelet-view.js";
import { resourcePath } from "./api-client.js";
import type { ApiContext } from "./api-context.js";
import type { ApiObject } from "./api-objects.js";
import { Reflector } from "./reflector.js";

/** What is read of a Service. */
interface ApiService extends ApiObject {
  readonly spec?: {
    readonly clusterIP?: string;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
  };
}

interface ApiRuntimeClass extends ApiObject {
  readonly handler?: string;
}

/** The objects of the cluster that every Pod may need: Services, for variables, and RuntimeClasses. */
export class ClusterObjects implements KubeletLoop {
  readonly services: Reflector<ApiService>;
  readonly runtimeClasses: Reflector<ApiRuntimeClass>;
  #serviceInputs: readonly ServiceInput[] = [];
  #handlers: Readonly<Record<string, string>> = {};

  constructor(context: ApiContext) {
    this.services = new Reflector(context, {
      path: resourcePath({ resource: "services" }),
      fieldSelector: "spec.clusterIP!=None",
      // API servers before 1.31 refuse it.
      isSelectorOptional: true,
      // Variables are read when a container starts: a change needs no sync.
      onChange: () => {
        this.#serviceInputs = [...this.services.objects.values()].flatMap(serviceInput);
      },
    });
    this.runtimeClasses = new Reflector(context, {
      path: resourcePath({ group: "node.k8s.io", resource: "runtimeclasses" }),
      onChange: () => {
        const classes = [...this.runtimeClasses.objects.values()];
        this.#handlers = Object.fromEntries(
          classes.map(({ metadata, handler = "" }) => [metadata?.name ?? "", handler]),
        );
      },
    });
  }

  get inputs(): {
    readonly services: readonly ServiceInput[];
    readonly runtimeClasses: Readonly<Record<string, string>>;
  } {
    return { services: this.#serviceInputs, runtimeClasses: this.#handlers };
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.services.run(signal), this.runtimeClasses.run(signal)]);
  }
}

function serviceInput({ metadata, spec }: ApiService): ServiceInput[] {
  const { name = "", namespace = "" } = metadata ?? {};
  const { clusterIP = "", ports = [] } = spec ?? {};
  // Headless ones and those of another name have no address.
  if (clusterIP === "" || clusterIP === "None") return [];
  return [
    {
      ...{ name, namespace, clusterIP },
      ports: ports.map(({ name, port, protocol }) => ({
        port,
        ...(name !== undefined && { name }),
        ...(protocol !== undefined && { protocol }),
      })),
    },
  ];
}

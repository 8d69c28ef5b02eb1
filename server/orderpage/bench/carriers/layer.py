"""The packages of the measured server: for one kind of client a remote carrier more, for others none."""

from pathlib import Path

BUDGET_MS = 150
WITH, WITHOUT = "h5", "native"
"""The clients that have the carrier, and have not."""

_LAYER = """\
package: bench-carrier
when: {{site: SG, client: {client}}}

ask:
  add:
    - use: carriers.quotes
      as: bench
      settings:
        connection: {{protocol: HTTP, endpoint: "http://127.0.0.1:{port}"}}
        budget_ms: {budget_ms}
        cache_seconds: 0
        quote:
          path: /quote
          parcels: parcels
          parcel_fields: {{parcel_id: id, weight: grams}}
          answer: {{prices: "prices[*]", parcel_id: id, service: service, amount: amount, currency: currency}}

offer:
  add:
    - use: carriers.offer
      as: BENCH_EXPRESS
      settings:
        code: BENCH_EXPRESS
        carrier: bench
        service: EXPRESS
        name: {{en: Bench express}}
        mode: AIR
        classes: [GENERAL, BATTERY_BUILTIN]
        origins: [CN]
        limits: {{max_g: 30000}}
        transit: {{minimum: 3, maximum: 5}}
        fallback:
          - {{effective_from: 2026-01-01, first_g: 500, first_fee: "44.00", step_g: 500, step_fee: "9.00",
             divisor: 6000, basis: FULL, round_g: 500}}
"""


def write_packages(folder: Path, port: int) -> str:
    """The carrier on that port, as ``ORDERPAGE_PACKAGES`` names it."""
    layers = folder / "packages" / "layers"
    layers.mkdir(parents=True)
    (layers / "carrier.yaml").write_text(_LAYER.format(client=WITH, port=port, budget_ms=BUDGET_MS), "utf-8")
    return str(layers.parent)

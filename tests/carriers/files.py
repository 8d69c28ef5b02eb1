"""Layers as an operator writes them for the two carriers of the tests."""

from pathlib import Path

RATES = """\
- use: carriers.quotes
  as: swift
  settings:
    connection: {{protocol: HTTP, endpoint: "{url}"}}
    budget_ms: 5000
    cache_seconds: 0
    quote:
      path: /v1/rates
      constants: {{account: ORDERPAGE}}
      fields: {{country: to.country, postcode: to.postcode, pickup: to.collect}}
      parcels: parcels
      parcel_fields: {{parcel_id: ref, weight: weight.kg, volume: size.litres, classes: contents, value: worth}}
      units: {{weight: KG, volume: LITRE}}
      answer: {{prices: "data.rates[*]", parcel_id: ref, service: service, amount: price.total,
               currency: price.currency, transit_minimum: days.min, transit_maximum: days.max, error: message}}
"""

GRPC_RATES = """\
- use: carriers.quotes
  as: harbour
  settings:
    connection: {{protocol: GRPC, endpoint: "{url}"}}
    budget_ms: 5000
    cache_seconds: 0
"""

METHOD = """\
- use: carriers.offer
  as: {code}
  settings:
    code: {code}
    carrier: {carrier}
    service: {service}
    name: {{en: By {carrier}}}
    mode: AIR
    classes: [GENERAL, BATTERY_BUILTIN]
    origins: [CN]
    limits: {{max_g: 30000}}
    transit: {{minimum: 3, maximum: 5}}
    fallback: [{fallback}]
"""

FALLBACK = (
    '{effective_from: 2026-01-01, first_g: 500, first_fee: "44.00", step_g: 500, step_fee: "9.00", '
    "divisor: 6000, basis: FULL, round_g: 500}"
)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def carrier_layer(site: str, ask: str, offer: str) -> str:
    """A layer with one carrier and one method of it."""
    head = f"package: carrier-{site.lower()}\nwhen: {{site: {site}}}\n"
    return f"{head}ask:\n  add:\n{_indented(ask)}offer:\n  add:\n{_indented(offer)}"


def http_layer(url: str, site: str = "SG", fallback: str = FALLBACK) -> str:
    """The method SWIFT of the HTTP carrier."""
    method = METHOD.format(code="SWIFT", carrier="swift", service="EXPRESS", fallback=fallback)
    return carrier_layer(site, RATES.format(url=url), method)


def grpc_layer(url: str, site: str = "HK", fallback: str = FALLBACK) -> str:
    """The method HARBOUR of the gRPC carrier."""
    method = METHOD.format(code="HARBOUR", carrier="harbour", service="STANDARD", fallback=fallback)
    return carrier_layer(site, GRPC_RATES.format(url=url), method)


def with_budget(layer: str, milliseconds: int) -> str:
    """The layer where a page waits so long for its carrier, and not as long as may be."""
    return layer.replace("budget_ms: 5000", f"budget_ms: {milliseconds}")


def package_folder(folder: Path, **layers: str) -> str:
    """A package folder with these layers, as ``ORDERPAGE_PACKAGES`` names it."""
    (folder / "layers").mkdir(parents=True, exist_ok=True)
    for name, text in layers.items():
        (folder / "layers" / f"{name}.yaml").write_text(text, "utf-8")
    return str(folder)

"""Small values on the wire that pages and orders share: addresses, days, problems.

The tables from domain to wire are made from the enums' own names, so a value that one side lacks stops the import.
"""

from datetime import date

from crossborder.checkout.v1 import common_pb2, problem_pb2
from orderpage.domain.address import Address
from orderpage.domain.problem import Action, Problem, Retry

ACTION = {action: problem_pb2.Action.Value(f"ACTION_{action}") for action in Action}
RETRY = {retry: problem_pb2.Retry.Value(f"RETRY_{retry}") for retry in Retry}


def fill_problem(message: problem_pb2.Problem, problem: Problem) -> None:
    """Write a problem."""
    message.code = problem.code
    message.message = problem.message
    if problem.field:
        message.field = problem.field
    if problem.line_id:
        message.line_id = problem.line_id
    if problem.parcel_id:
        message.parcel_id = problem.parcel_id
    message.retry = RETRY[problem.code.rule.retry]
    message.remedy.action = ACTION[problem.remedy]
    if problem.value:
        message.remedy.value = problem.value
    for action in problem.alternatives:
        message.alternatives.add().action = ACTION[action]


def fill_window(message: common_pb2.ArrivalWindow, earliest: date, latest: date) -> None:
    """Write an arrival window."""
    first, last = message.earliest, message.latest
    first.year, first.month, first.day = earliest.year, earliest.month, earliest.day
    last.year, last.month, last.day = latest.year, latest.month, latest.day


def fill_address(message: common_pb2.Address, address: Address) -> None:
    """Write an address. Texts that were not given stay absent."""
    message.country = address.country
    message.subdivision = address.subdivision
    message.city = address.city
    message.district = address.district
    message.postcode = address.postcode
    message.street.extend(address.street)
    message.recipient = address.recipient
    message.phone = address.phone
    message.delivery = common_pb2.DELIVERY_HOME if address.home_delivery else common_pb2.DELIVERY_PICKUP_POINT
    message.pickup_point = address.pickup_point

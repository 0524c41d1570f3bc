"""What an environment chooses: the policy names what there is to choose from, the inventory chooses."""

from dataclasses import replace

from network.read.inventory import InventorySource
from network.read.policy import FlowSource, PolicySource
from network.read.shape import Shape, did_you_mean, listed
from network.read.tree import Mark

VARIABLE = "network_choices"


def settled(policy: PolicySource, inventory: InventorySource, shape: Shape) -> tuple[PolicySource, dict[str, str]]:
    """Return the policy as the inventory chooses, its services and the flows that are there then; and these choices.

    What is wrong goes to `shape`.
    """
    made = _made(policy, inventory, shape)
    services = dict(policy.services)
    services |= {name: source.services[made[name]] for name, source in policy.variants.items() if name in made}
    flows = tuple(flow for flow in policy.flows if _is_there(flow, made))
    return replace(policy, services=services, flows=flows), made


def _is_there(flow: FlowSource, made: dict[str, str]) -> bool:
    return all(
        # What was not chosen was reported; until it is, the flow counts.
        made.get(condition.choice.name) in {None, *(option.name for option in condition.options)}
        for condition in flow.when
    )


def _made(policy: PolicySource, inventory: InventorySource, shape: Shape) -> dict[str, str]:
    """Choice to option. Those that are missing or wrong are reported and left out."""
    offered: dict[str, tuple[Mark, tuple[str, ...]]] = {
        name: (source.mark, tuple(source.services)) for name, source in policy.variants.items()
    }
    offered |= {name: (choice.mark, choice.options) for name, choice in policy.choices.items()}
    example = f"Write '{VARIABLE}: {{{next(iter(offered), 'broker')}: …}}'."
    entry = inventory.variables.get(VARIABLE)
    section = shape.mapping(entry.value, VARIABLE, example) if entry else None
    choices = section.entries if section else {}
    for name, choice in choices.items():
        if name not in offered:
            rule = "a choice is one that the policy offers, or of a service for which it has variants"
            otherwise = f"Remove it. Offered: {listed(offered) or 'no choices'}."
            shape.report(choice.key, f"a choice of '{name}'", rule, did_you_mean(name, offered, otherwise))
    made: dict[str, str] = {}
    for name, (mark, options) in offered.items():
        known = listed(options)
        if name not in choices:
            if entry is None or section is not None:
                where = section.mark if section else f"{inventory.place}/group_vars/all/network.yml"
                rule = f"each environment makes the choice that {mark} offers"
                remedy = f"Add '{name}: …' to {VARIABLE}. Offered: {known}."
                shape.report(str(where), f"no choice of {name}", rule, remedy)
            continue
        written = shape.scalar(choices[name].value, f"the choice of {name}", f"Write one of {known}.")
        if written is None:
            continue
        if written.text in options:
            made[name] = written.text
            continue
        rule = f"the choice is one that {mark} offers"
        remedy = did_you_mean(written.text, options, f"Offered: {known}.")
        shape.report(written.mark, f"'{written.text}' as the choice of {name}", rule, remedy)
    return made

"""Services with variants: the policy names what there is to choose from, the inventory chooses."""

from network.model import Service
from network.read.inventory import InventorySource
from network.read.policy import PolicySource
from network.read.shape import Shape, did_you_mean, listed

VARIABLE = "network_choices"


def chosen(policy: PolicySource, inventory: InventorySource, shape: Shape) -> tuple[dict[str, Service], dict[str, str]]:
    """Return the policy's services, those with variants as the inventory chooses, and these choices.

    What is wrong goes to `shape`.
    """
    example = f"Write '{VARIABLE}: {{{next(iter(policy.variants), 'broker')}: …}}'."
    entry = inventory.variables.get(VARIABLE)
    section = shape.mapping(entry.value, VARIABLE, example) if entry else None
    services = dict(policy.services)
    made: dict[str, str] = {}
    choices = section.entries if section else {}
    for name, choice in choices.items():
        if name not in policy.variants:
            rule = "a choice is made of a service for which the policy has variants"
            otherwise = f"Remove it. Services with variants: {listed(policy.variants)}."
            shape.report(choice.key, f"a choice of '{name}'", rule, did_you_mean(name, policy.variants, otherwise))
    for name, source in policy.variants.items():
        known = listed(source.services)
        if name not in choices:
            if entry is None or section is not None:
                where = section.mark if section else f"{inventory.place}/group_vars/all/network.yml"
                rule = f"each environment chooses one of the variants at {source.mark}"
                remedy = f"Add '{name}: …' to {VARIABLE}. Variants: {known}."
                shape.report(str(where), f"no choice of the service '{name}'", rule, remedy)
            continue
        written = shape.scalar(choices[name].value, f"the choice of {name}", f"Write one of {known}.")
        if written is None:
            continue
        if written.text in source.services:
            services[name] = source.services[written.text]
            made[name] = written.text
            continue
        rule = f"the choice is one of the policy's variants at {source.mark}"
        remedy = did_you_mean(written.text, source.services, f"Variants: {known}.")
        shape.report(written.mark, f"'{written.text}' as the choice of {name}", rule, remedy)
    return services, made

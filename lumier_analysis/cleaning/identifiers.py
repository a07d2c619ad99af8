"""What a direct identifier looks like, by the name of a column and by its content. Pure functions; nothing is raised.

French rules (MR-001, CNIL deliberation 2018-153) bar names, full birth dates, contact details, NIR and IPP from a
research database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from lumier_analysis.cleaning.given_names import GIVEN_NAMES


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that mean a person's name, unless a word of `NAME_OF` says whose name it is.
NAME_WORDS = _vocabulary(
    "nom noms prenom prenoms name names firstname lastname surname surnames forename patronyme fullname"
)
#: What else has a name: a column NOM_CENTRE or redcap_event_name names no person.
NAME_OF = _vocabulary(
    """
    centre center hopital hospital etablissement site service laboratoire lab labo departement pays country region
    medicament medicaments drug molecule produit product traitement treatment vaccin vaccine dose specialite
    gene genes probe assay module score chip puce plate plaque tube sample echantillon target detector
    etude study essai trial protocole protocol visite visit event arm form formulaire questionnaire instrument item
    file fichier variable var colonne column table feuille sheet field champ
    test examen analyse methode method kit reactif virus bacterie germe germ organe organ maladie disease pathologie
    unite unit groupe group
    """
)
#: A word of these brings the person back: NOM_PATIENT_CENTRE.
PERSON_WORDS = _vocabulary(
    "patient patiente patients medecin mere pere conjoint naissance usage usuel famille contact investigateur"
)
#: Words that name a direct identifier whatever stands beside them.
IDENTIFIER_WORDS = _vocabulary(
    """
    nir ipp ipe iep nip nda mrn ssn ddn dob telephone tel phone phones telephones mobile portable gsm fax
    adresse adresses address addresses email emails mail courriel courriels mel secu rue street domicile zip zipcode
    postcode passeport passport
    """
)
#: Combinations of words that do so together.
WORD_SETS = tuple(
    frozenset(words.split())
    for words in (
        "code postal", "securite sociale", "social security", "carte vitale", "postal code", "medical record",
        "numero dossier", "num dossier", "identite sante", "permanent patient",
    )
)  # fmt: skip
#: Words run together, as export programs like to: NOMPATIENT, DATENAISS, NUMSECU.
RUN_TOGETHER = re.compile(
    r"(?:pat(?:ient)?)?(?:nom|prenom|name)s?(?:de)?"
    r"(?:pat|patient|patiente|usuel|usage|naissance|naiss|marital|famille|jeunefille|jf|complet|prenom|mere|pere)"
    r"|nomprenoms?|patnom|patprenom|patientname|(?:first|last|middle|family|given|maiden|full)names?"
    r"|(?:num|numero|no|n)?(?:tel|telephone|portable|secu|securitesociale|ipp|nir|nss)(?:patient|pat)?"
    r"|(?:home|cell|work|mobile)?phone(?:number|no)?|e?mailaddress|adressemail|codepostal|numdossier"
)
BIRTH_WORDS = _vocabulary("naissance naiss birth born nais")
BIRTH_TOGETHER = re.compile(r"(?:date|dt|d|jour)(?:de)?naiss(?:ance)?|birth(?:date|day)|dateofbirth|ne[e]?le|ddnaiss")
#: Beside a birth word these make the full date; with the year alone or the month and year it may stay.
_FULL = _vocabulary("date dt jour day le on complete")
INITIALS = _vocabulary("initiale initiales initials init initial")
_YES_NO = _vocabulary("oui non o n yes no y true false vrai faux 0 1 nsp na nd")
_PARTIAL = re.compile(r"(?:(?:UK|NK|XX|\d{1,2})[/.-])?(?:19|20)\d{2}")


def words_of(name: str) -> list[str]:
    """Split a column name into lower-case words without accents: ``"DateNaissance_P"`` -> date, naissance, p."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain)
    return [w for w in re.split(r"[^a-z0-9]+", spaced.lower()) if w]


def names_birth(column: str) -> bool:
    """Tell whether a column name speaks of birth."""
    words = words_of(column)
    return bool(BIRTH_WORDS & set(words)) or any(BIRTH_TOGETHER.fullmatch(w) for w in (*words, "".join(words)))


def names_initials(column: str) -> bool:
    """Tell whether a column name speaks of initials."""
    return bool(INITIALS & set(words_of(column)))


def named_identifier(column: str) -> bool:
    """Tell whether a column name names a direct identifier."""
    words = set(words_of(column))
    if words & IDENTIFIER_WORDS or any(pair <= words for pair in WORD_SETS):
        return True
    if words & NAME_WORDS and (words & PERSON_WORDS or not words & NAME_OF):
        return True
    if words & BIRTH_WORDS and (words & _FULL or len(words) == 1):
        return True
    return any(RUN_TOGETHER.fullmatch(w) or BIRTH_TOGETHER.fullmatch(w) for w in (*words, "".join(words_of(column))))


def only_yes_no(values: pd.Series) -> bool:
    """Tell whether a column holds flags and nothing else: whether one may be phoned identifies no one."""
    distinct = _distinct(texts_of(values))
    return bool(distinct) and {text.lower() for text in distinct} <= _YES_NO


def only_partial_dates(values: pd.Series) -> bool:
    """Tell whether a column holds years, or months and years, and nothing else."""
    distinct = _distinct(texts_of(values))
    return bool(distinct) and all(map(_PARTIAL.fullmatch, distinct))


def nir_key(number: str) -> int:
    """Return the key of the 13 digits of a French social security number: 97 - (number mod 97), Corsica as 19 and 18.

    Parameters
    ----------
    number : str
        13 characters, digits but for 2A or 2B in the place of the department.
    """
    return 97 - int(number.upper().replace("2A", "19").replace("2B", "18")) % 97


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of identifier: its name, and whether other data may look alike (so that the plan may clear it)."""

    name: str
    clearable: bool = False


EMAIL, NIR, NIR_13 = Kind("e-mail addresses"), Kind("social security numbers (NIR)"), Kind("NIR without key", True)
PHONE, PHONE_10 = Kind("telephone numbers"), Kind("telephone numbers without separators", True)
PERSON, GIVEN = Kind("names of persons"), Kind("given names")
ADDRESS, BIRTH = Kind("postal addresses"), Kind("dates of birth")

_B, _E = r"(?<![\w.,])", r"(?![.,]?\w)"  # not inside a longer number or word
_NIR = re.compile(
    rf"{_B}([12])(?P<s>[ .\u00a0]?)(\d{{2}})(?P=s)(0[1-9]|1[0-2])(?P=s)(\d{{2}}|2[ABab])(?P=s)(\d{{3}})(?P=s)(\d{{3}})"
    rf"(?:[ .\u00a0]?(\d{{2}}))?{_E}"
)
_TITLE = r"(?:Mme|MME|Mlle|Mr|Mrs|Dr|DR|Pr|Docteur|Professeur|Madame|Monsieur|Mademoiselle)\.?[ \u00a0]+[A-ZÀ-Ý][\w'-]+"
#: Found anywhere in a value: an identifier in a comment is one.
ANYWHERE: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (EMAIL, re.compile(r"[^@\s;,<>]+@[^@\s;,<>]+\.[A-Za-z]{2,}")),
    (PHONE, re.compile(rf"{_B}(?:(?:\+|00)33[ .-]?(?:\(0\))?|0)[1-9]([ .\u00a0-])\d{{2}}(?:\1\d{{2}}){{3}}{_E}")),
    (PHONE, re.compile(r"(?<![\w.,])\+\d{10,13}(?![.,]?\w)|(?<![\w.,])\+\d{2,3}(?:[ .-]\d{1,4}){3,5}(?![.,]?\w)")),
    (PERSON, re.compile(rf"(?<!\w)(?:{_TITLE}|M\.[ \u00a0]+[A-ZÀ-Ý](?:[a-zà-ÿ'-]{{2,}}|[A-ZÀ-Ý'-]{{2,}}))")),
    (BIRTH, re.compile(r"(?i)(?<!\w)(?:n[ée]e?\(?e?\)? (?:le )?|born (?:on )?)\d{1,2}[/. -]\w{2,9}[/. -]\d{2,4}")),
    (
        ADDRESS,
        re.compile(
            r"(?i)(?<!\w)\d{1,4}[ ,]*(?:bis|ter)?[ ,]+"
            r"(?:rue|avenue|boulevard|impasse|all[ée]e|chemin|quai|square) [a-zà-ÿ]"
            r"|(?<!\w)\d{1,5} [a-z]+ (?:street|road|avenue|lane|drive)(?!\w)"
        ),
    ),
)
_WORD = r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ'’-]+"
_FULL_NAME = re.compile(rf"{_WORD}(?:[ _,.]+{_WORD}){{1,3}}")
_TEN_DIGITS, _NO_DIGIT = re.compile(r"\d{10}"), re.compile(r"\D{3,60}")
#: A word before a given name that makes it a place.
_PLACES = _vocabulary("saint sainte st ste hopital hospital clinique institut chu ch")
#: A column in which few values come back many times is a code list: a hospital may be called Marie Lannelongue.
_CODE_LIST_REPEATS = 5


def texts_of(values: pd.Series) -> list[str]:
    """Return the values that are there, as text: plain, as each is tried by several patterns."""
    known: list[str] = values.dropna().astype(str).tolist()
    return known


def _distinct(texts: Iterable[str]) -> list[str]:
    """Return the distinct texts, without surrounding space and blanks."""
    return [text for text in dict.fromkeys(map(str.strip, texts)) if text]


def _fold(word: str) -> str:
    return unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()


def is_full_name(value: str) -> bool:
    """Tell whether a value is two to four capitalised words, one of them a common given name."""
    if not _FULL_NAME.fullmatch(value):
        return False
    words = re.split(r"[ _,.]+", value)
    # Names begin with capitals; a sentence goes on in small letters.
    return holds_given_name(value) and all(w[0].isupper() for w in words)


def holds_given_name(value: str) -> bool:
    """Tell whether a word of the value is a common given name, and none makes it a place (Saint Louis)."""
    words = {_fold(w) for w in re.findall(r"[A-Za-zÀ-ÖØ-öø-ÿ]+", value)}
    return bool(words & GIVEN_NAMES) and not words & _PLACES


def looks_identifying(value: str) -> bool:
    """Tell whether a single value may identify a person: what must not be repeated in a message or a list."""
    if any(pattern.search(value) for _, pattern in ANYWHERE) or _NIR.search(value):
        return True
    return bool(re.fullmatch(r"0[1-9]\d{8}", value.strip())) or holds_given_name(value)


def _nir_kinds(distinct: list[str]) -> list[Kind]:
    """Look for social security numbers: 15 digits prove themselves by their key, 13 by being the column's habit."""
    found = [m for value in distinct for m in _NIR.finditer(value)]
    whole = [m for m in found if m.group(8)]
    valid = [m for m in whole if nir_key("".join(m.group(1, 3, 4, 5, 6, 7))) == int(m.group(8))]
    kinds = []
    # One key in 97 is right by chance: barcodes of that shape are told by most of their keys being wrong.
    if valid and len(valid) * 10 >= len(whole):
        kinds.append(NIR)
    spaced = [m for m in found if m.group("s")]
    if spaced and NIR not in kinds:
        kinds.append(NIR)
    bare = sum(map(bool, map(re.compile(r"\d{13}").fullmatch, distinct)))
    shaped = sum(not m.group(8) and not m.group("s") for m in found)
    if shaped and shaped * 2 >= bare:
        kinds.append(NIR_13)
    return kinds


def content_kinds(values: pd.Series | list[str], *, sample_names: bool = False) -> list[Kind]:
    """Return the kinds of identifier that the values look like.

    Parameters
    ----------
    values : Series or list of text
    sample_names : bool
        Names of tubes: one that holds a given name is a person's.

    Returns
    -------
    list of Kind
        Empty where nothing was recognised. No value is returned.
    """
    texts = texts_of(values) if isinstance(values, pd.Series) else values
    distinct = _distinct(texts)
    if not distinct:
        return []
    text = "\n".join(distinct)
    kinds = [kind for kind, pattern in ANYWHERE if pattern.search(text)]
    if _NIR.search(text):
        kinds += _nir_kinds(distinct)
    ten = [text for text in distinct if _TEN_DIGITS.fullmatch(text)]
    if ten and 2 * sum(text[0] == "0" != text[1] for text in ten) >= len(ten):
        kinds.append(PHONE_10)
    n_rows = sum(map(bool, map(str.strip, texts)))
    lettered = [text for text in distinct if _NO_DIGIT.fullmatch(text)]
    code_list = len(distinct) * _CODE_LIST_REPEATS <= n_rows
    if sample_names:
        if any(holds_given_name(value) for value in distinct):
            kinds.append(PERSON)
    elif not code_list:
        if any(is_full_name(value) for value in lettered):
            kinds.append(PERSON)
        known = sum(_fold(value) in GIVEN_NAMES for value in lettered if " " not in value)
        if known >= 3 and 3 * known >= len(distinct):
            kinds.append(GIVEN)
    return list(dict.fromkeys(kinds))


def content_identifier(values: pd.Series) -> str:
    """Return what kind of identifier the values look like, or an empty string."""
    return next((kind.name for kind in content_kinds(values)), "")

"""Common given names in France and in English, so that a person's name in a cell or on a tube is recognised.

Without accents, lower case. Names that are also everyday words, places of care or gene and reagent names (Rose, Iris,
Max, Eva, Claire as an adjective ...) are left out: a gate that cries at innocents gets switched off.
"""

from __future__ import annotations

_TEXT = """
    adele adeline adrien agathe agnes aicha alain alexandra alexandre alexis alice aline alison amandine amelie amina
    anais andre andrea andree angelique anna anne annick annie anthony antoine antoinette antonio armand arnaud arthur
    audrey aurelie aurelien axelle aya baptiste barbara benedicte benjamin benoit bernadette bernard bertrand brigitte
    bruno camille carine carla carole caroline catherine cecile celia celine chantal charles charlotte chloe christelle
    christian christiane christine christophe claude claudine clemence clementine colette corinne cyril damien daniel
    daniele danielle david deborah delphine denis denise didier dominique dorothee edith eleonore elisa elisabeth elise
    elizabeth elodie emilie emma emmanuel emmanuelle enzo eric estelle esther ethan etienne eugenie evelyne fabien
    fabienne fabrice fanny farida fatima fatoumata fernand fernande flavie flavien floriane francine francis francois
    francoise franck frederic frederique gabriel gabrielle gaelle genevieve geoffroy georges georgette gerald
    geraldine gerard germaine ghislaine gilbert gilles ginette gisele guillaume gwenaelle helene henri henriette herve
    hugo ines irene isabelle jacqueline jacques james janine jean jeanne jeannine jennifer jerome jessica joelle
    johanna jonathan josette josiane josephine judith jules julia julie julien juliette justine karim karine khadija
    laetitia laura laure laurence laurent lea leila leonie liliane linda lise loic louis louise luc lucas lucette lucie
    lucienne lydie madeleine magali malika manon marc marcel marcelle margaux margot marguerite maria marianne marie
    marielle marine marion marjorie marthe martine maryse mathieu mathilde matthieu maurice maxime megane melanie
    melissa michael michel michele micheline mireille mohamed mohammed monique morgane muriel myriam nadege nadia
    nadine nathalie nathan nicolas nicole noemie odette odile olivia olivier pascale patrice patricia patrick paul
    paule paulette pauline perrine philippe pierre pierrette quentin rachel rachid raphael raymond raymonde rebecca
    regine remi renee richard robert roger roland romain romane ronan roselyne sabine sabrina salome samia samira
    samuel sandra sandrine sarah sebastien serge severine simone solange solene sonia sophie stephane stephanie
    suzanne sylvain sylviane sylvie theo theophile therese thibault thierry thomas valentin valentine valerie vanessa
    veronique vincent virginie viviane william xavier yann yasmina yolande yvan yves yvette yvonne zoe zohra
    andrew ashley brian christopher donald dorothy edward emily george hannah jason jeffrey jessie john joseph joshua
    karen kathleen kenneth kevin kimberly lisa margaret mark mary matthew michelle nancy rebekah ronald ruth ryan
    sharon steven susan timothy
"""
GIVEN_NAMES = frozenset(_TEXT.split())
